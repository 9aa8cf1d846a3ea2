// SPDX-License-Identifier: Apache-2.0
internal import VMMSysUtil
internal import VMMemory
internal import VirtioModel
internal import VirtioQueue
internal import VirtioQueueTestSupport
internal import Vsock

/// What became of a fuzzed saved state of a vsock device.
public struct FuzzedVsockState: Sendable, Equatable {
    /// Whether a device took it up.
    public var isRestored = false
    /// Connections that the guest opened afterwards.
    public var opened: UInt64 = 0
}

/// Changes numbers of what a device saved, as whoever keeps the file may, and restores another one from it. What is taken
/// must be the same when it is saved again; the device must serve the guest, or stop with DEVICE_NEEDS_RESET, and a reset
/// must bring it back; else the harness aborts.
///
/// The input is a list of 5 bytes each, at most 64: `u8` which number (modulo 35; see `StateArena.change`), `u32` its new
/// value, little-endian.
@discardableResult
public func fuzzVsockState(_ bytes: UnsafeRawBufferPointer) -> FuzzedVsockState {
    stateArena.withLock { try $0.run(FuzzInput(bytes)) }
}

private let stateArena = FuzzArena { try StateArena() }

private final class StateArena {
    private let backend: PairBackend
    private let guest: GuestPeer

    init() throws {
        backend = try PairBackend()
        guest = try GuestPeer(
            Self.makeDevice(backend), queueSize: 16,
            features: [.version1, .indirectDescriptors, .eventIndex, .ringReset])
    }

    private static func makeDevice(_ backend: PairBackend) -> VsockDevice {
        guard let cid = GuestCID(3) else { fuzzFinding("no CID") }
        var options = VsockOptions()
        options.connectionLimit = 8
        options.pendingResetLimit = 4
        return VsockDevice(guestCID: cid, backend: backend, options: options)
    }

    func run(_ fuzzed: FuzzInput) throws -> FuzzedVsockState {
        var input = fuzzed
        try guest.restart()
        backend.removeAccepted()
        _ = try guest.connect(toHostPort: 52, from: 1000)
        try guest.run()
        guest.device.pause()
        let honest = guest.device.save()
        var state = honest
        for _ in 0..<64 {
            guard !input.isAtEnd else { break }
            change(&state, input.next() % 35, input.next(UInt32.self))
        }
        let next = Self.makeDevice(backend)
        var result = FuzzedVsockState()
        do {
            try guest.move(to: next, restoring: state)
        } catch let error as VsockStateError {
            if error.description.isEmpty { fuzzFinding("an error without a word") }
            // Nothing is left of it: the device starts as a new one, after the guest's memory is a new one's too.
            try guest.move(to: Self.makeDevice(backend), restoring: VsockState(guestCID: 3))
            try guest.restart()
            return result
        }
        result.isRestored = true
        // A queue elsewhere is none that the guest's driver knows; the device has been rung and must have come to an end.
        if state.running.map(Self.queues) == honest.running.map(Self.queues) {
            let before = next.counters.opened
            _ = try guest.connect(toHostPort: 53, from: 2000)
            try guest.run()
            result.opened = next.counters.opened &- before
        }
        try guest.restart()
        _ = try guest.connect(toHostPort: 54, from: 3000)
        try guest.run()
        if guest.device.connectionCount != 1 { fuzzFinding("nobody gets through after a reset") }
        return result
    }

    private static func queues(_ running: VsockState.Running) -> [QueueConfiguration?] {
        [running.receive, running.transmit, running.event].map { $0?.configuration }
    }

    /// Sets one number of the state.
    private func change(_ state: inout VsockState, _ which: UInt8, _ value: UInt32) {
        let half = UInt16(truncatingIfNeeded: value)
        switch which {
        case 0: state.guestCID = UInt64(value)
        case 1: state.lastHostPort = value
        case 2: state.running = nil
        case 3: state.running?.event = nil
        case 4: state.running?.unreturnedEventBufferCount = half
        case 5: state.running?.eventBuffers.append(.init(head: half, slotCount: UInt16(value >> 16)))
        case 6: state.running?.eventBuffers.removeAll()
        case 7: state.running?.resets.append(.init(hostPort: value, guestPort: value ^ 1))
        case 8..<16:
            if var queue = state.running?.receive { change(&queue, which, value); state.running?.receive = queue }
        case 16..<24:
            if var queue = state.running?.transmit { change(&queue, which, value); state.running?.transmit = queue }
        case 24..<32:
            if var queue = state.running?.event { change(&queue, which, value); state.running?.event = queue }
        case 32: state.running?.receive = nil
        case 33: state.running?.transmit = nil
        default: state.running?.isEventOwed = value & 1 != 0
        }
    }

    private func change(_ queue: inout QueueState, _ which: UInt8, _ value: UInt32) {
        let half = UInt16(truncatingIfNeeded: value)
        switch which % 8 {
        case 0: queue.nextAvailable = half
        case 1: queue.nextUsed = half
        case 2: queue.inFlight = half
        case 3: queue.configuration.size = half
        case 4:
            let area = QueueArea.allCases[Int(value % 3)]
            queue.configuration[area] = GuestAddress(UInt64(value >> 2) << 2)
        case 5:
            // The same chains again, or none: both indices, by so much.
            queue.nextAvailable &+= half
            queue.nextUsed &+= half
        case 6: queue.unsignalled = value
        default:
            queue.isBroken = value & 1 != 0
            queue.configuration.isReady = value & 2 == 0
            queue.format = value & 4 != 0 ? .packed : .split
        }
    }
}
