// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMSysUtil
import Vsock
import VsockTestSupport

/// A device, a guest and a host without a file system.
struct Rig {
    let backend: PairBackend
    let device: VsockDevice
    let guest: GuestPeer

    init(
        _ options: VsockOptions = VsockOptions(), queueSize: UInt16 = 64, receiveBufferByteCount: UInt32 = 44 + 4096
    ) throws {
        backend = try PairBackend()
        device = VsockDevice(guestCID: try #require(GuestCID(3)), backend: backend, options: options)
        guest = try GuestPeer(device, queueSize: queueSize, receiveBufferByteCount: receiveBufferByteCount)
    }
}
