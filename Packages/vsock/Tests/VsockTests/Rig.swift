// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMSysUtil
import VirtioQueue
import Vsock
import VsockTestSupport

/// A device, a guest and a host without a file system.
struct Rig {
    let backend: PairBackend
    let device: VsockDevice
    let guest: GuestPeer

    init(
        _ options: VsockOptions = VsockOptions(), queueSize: UInt16 = 64, receiveBufferByteCount: UInt32 = 44 + 4096,
        features: VirtioFeatures = Rings.features
    ) throws {
        backend = try PairBackend()
        device = VsockDevice(guestCID: try #require(GuestCID(3)), backend: backend, options: options)
        guest = try GuestPeer(
            device, queueSize: queueSize, receiveBufferByteCount: receiveBufferByteCount, features: features)
    }
}

/// The form of the guest's rings.
enum Rings {
    @TaskLocal static var arePacked = false

    /// What Linux negotiates with this device, over such rings.
    static var features: VirtioFeatures {
        let features: VirtioFeatures = [.version1, .indirectDescriptors, .eventIndex, .vsockSequencedPacket]
        return arePacked ? features.union(.packedRing) : features
    }
}

/// Who opens the connections of a `PacketRig`.
enum Opener {
    @TaskLocal static var isHost = false
}

/// Runs each test with something off and then on.
struct Both: SuiteTrait, TestTrait, TestScoping {
    let isOn: TaskLocal<Bool>
    let isRecursive = true

    func scopeProvider(for test: Test, testCase: Test.Case?) -> Both? { testCase == nil ? nil : self }

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        try await function()
        try await isOn.withValue(true) { try await function() }
    }
}

extension Trait where Self == Both {
    /// Over split rings and over packed ones.
    static var bothRings: Both { Both(isOn: Rings.$arePacked) }
    /// On a connection that the guest opened and on one that the host did.
    static var bothOpeners: Both { Both(isOn: Opener.$isHost) }
}
