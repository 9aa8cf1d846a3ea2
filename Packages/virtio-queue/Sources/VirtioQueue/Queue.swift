// SPDX-License-Identifier: Apache-2.0
public import VMMemory

/// An active queue: chains come out of it, and go back when their buffers are used.
public final class Queue {
    /// How many descriptors the queue has; a power of two.
    public let size: UInt16
    /// The memory in which the queue and its buffers are.
    public let memory: GuestMemory
    /// The features that were accepted.
    public let features: VirtioFeatures
    /// What `recover(from:)` does with a malformed chain.
    @exclusivity(unchecked) public var malformedChainPolicy = MalformedChainPolicy.failDevice

    init(size: UInt16, memory: GuestMemory, features: VirtioFeatures) {
        self.size = size
        self.memory = memory
        self.features = features
    }

    /// Takes the next chain, without walking it.
    /// - Returns: nil if the driver offers no more.
    /// - Throws: if the ring is broken, the same error at every call from then on.
    public func pop() throws(QueueError) -> DescriptorChain? { nil }

    /// Takes the next chain, walks it to its end and finds its buffers in host memory.
    /// - Parameter buffers: replaced by the chain's; used again and again, it allocates nothing.
    /// - Returns: what to push when the buffers are done with; nil if the driver offers no more.
    /// - Throws: a broken ring, or `.chain` with a malformed chain, which then counts as taken; see `recover(from:)`.
    public func pop(into buffers: ChainBuffers) throws(QueueError) -> ChainHead? { nil }

    /// Puts the chain taken last back, so that the next `pop` finds it again; for a device that is out of budget.
    public func undoPop() {}

    /// Returns a chain to the driver.
    /// - Parameter written: how many bytes from the start of its writable part the device has written
    ///   (virtio 1.2, 2.7.8.2).
    public func push(_ head: ChainHead, written: UInt32) {}

    /// Like `push`, but the driver does not see it before `publish()`.
    public func stage(_ head: ChainHead, written: UInt32) {}

    /// Shows everything staged to the driver, with one store.
    public func publish() {}

    /// Decides by `malformedChainPolicy` how to go on after `pop` or a walk threw.
    /// - Returns: true if the chain was pushed with length 0 and the device may go on; false if it must call
    ///   `Interrupt.needsReset()` and stop.
    public func recover(from error: QueueError) -> Bool { false }

    /// Whether the driver wants an interrupt for what was published since the last call. Call once after each batch.
    public func shouldSignalDriver() -> Bool { true }

    /// Tells the driver that the device is looking anyway and needs no doorbell.
    public func disableNotifications() {}

    /// Tells the driver to ring the doorbell for the next chain.
    /// - Returns: true if chains came in meanwhile, which nobody will ring for: serve the queue again.
    public func enableNotifications() -> Bool { false }
}

/// What a device does about a chain that breaks the rules.
public enum MalformedChainPolicy: Sendable {
    /// The device stops until the driver resets it. A correct driver never makes a malformed chain.
    case failDevice
    /// The chain is returned as used with length 0, and the device goes on.
    case returnHead
}
