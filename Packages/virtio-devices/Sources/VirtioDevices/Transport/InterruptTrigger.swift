// SPDX-License-Identifier: Apache-2.0
public import VMMSysUtil

/// The wire from a transport to the interrupt controller: one edge each time.
///
/// The transport has set the bit of the interrupt status before, so the handler in the guest finds it.
public protocol InterruptTrigger: Sendable {
    /// Raises the interrupt once. Any thread may call; it must not wait for another.
    func trigger()
}

/// An eventfd as the wire: what `KVM_IRQFD` takes.
public final class EventFDTrigger: InterruptTrigger {
    private let event: EventFD

    /// Takes over the eventfd; the controller has a descriptor of its own.
    public init(_ event: consuming EventFD) { self.event = event }

    /// Adds one. An eventfd that is full (nobody took 2^64 interrupts) is raised already.
    public func trigger() { try? event.write(1) }
}
