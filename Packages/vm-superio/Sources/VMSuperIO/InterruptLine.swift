// SPDX-License-Identifier: Apache-2.0

/// An edge-triggered interrupt: what a device pulls to be looked at. A VMM writes an irqfd in it.
public protocol InterruptLine: Sendable {
    /// Sends one edge. Must not wait, and must not call the device back. Any thread calls it.
    func raise()
}

/// The line of a device that the guest polls.
public struct NoInterruptLine: InterruptLine {
    /// Makes a line that leads nowhere.
    public init() {}
    /// Does nothing.
    public func raise() {}
}
