// SPDX-License-Identifier: Apache-2.0

/// The host's end of a serial line.
public protocol SerialHost: Sendable {
    /// Takes a byte that the guest sent. Called on the vCPU's thread that wrote it, no lock held, so it may be called
    /// from two threads at once if two vCPUs write at once. While it waits, that vCPU waits.
    func transmit(_ byte: UInt8)

    /// Tells that the receiver has room again, after `Serial.receive` took less than it was offered. Called on a vCPU's
    /// thread, no lock held: wake the thread that feeds input, do not feed from here.
    func receiverHasRoom()
}

extension SerialHost {
    /// Does nothing: right for a host that sends no input.
    public func receiverHasRoom() {}
}
