// SPDX-License-Identifier: Apache-2.0
public import VMMemory

/// What must be saved of an active queue besides the guest's memory: plain numbers, for any encoding.
public struct QueueState: Equatable, Sendable {
    /// How the driver set it up.
    public var configuration: QueueConfiguration
    /// The next entry of the available ring to take.
    public var nextAvailable: UInt16
    /// The next entry of the used ring to fill.
    public var nextUsed: UInt16
    /// Chains taken and not returned. A device that finishes its I/O before it saves has none; one that does not must
    /// save their heads and get them back with `Queue.head(inFlight:)`.
    public var inFlight: UInt16
    /// Used entries published since the driver was last considered for an interrupt.
    public var unsignalled: UInt32
    /// Whether the driver had broken the ring; it is so again after the restore.
    public var isBroken: Bool

    /// Gathers saved numbers. `restore` checks them.
    public init(
        configuration: QueueConfiguration, nextAvailable: UInt16, nextUsed: UInt16, inFlight: UInt16 = 0,
        unsignalled: UInt32 = 0, isBroken: Bool = false
    ) {
        self.configuration = configuration
        self.nextAvailable = nextAvailable
        self.nextUsed = nextUsed
        self.inFlight = inFlight
        self.unsignalled = unsignalled
        self.isBroken = isBroken
    }

    /// Makes the queue again that was saved.
    ///
    /// Guest memory is not consulted: what the driver has in its rings is its own affair, before a save and after it,
    /// and `pop` checks it.
    /// - Throws: what is wrong with the configuration, or `.state` if the numbers contradict each other.
    public func restore(memory: GuestMemory, features: VirtioFeatures) throws(QueueConfigurationError) -> Queue {
        let queue = try configuration.activate(memory: memory, features: features)
        guard inFlight <= queue.size else { throw .state(.inFlight(inFlight, size: queue.size)) }
        guard nextAvailable &- nextUsed == inFlight else {
            throw .state(.indices(nextAvailable: nextAvailable, nextUsed: nextUsed, inFlight: inFlight))
        }
        queue.nextAvailable = nextAvailable
        queue.knownAvailable = nextAvailable
        queue.nextUsed = nextUsed
        queue.publishedUsed = nextUsed
        queue.unsignalled = unsignalled
        if isBroken { _ = queue.fail(.savedBroken) }
        return queue
    }
}

/// Why a saved state cannot be of a queue.
public enum QueueStateError: Error, Equatable, Sendable {
    /// More chains in flight than descriptors.
    case inFlight(UInt16, size: UInt16)
    /// What is in flight is not the difference of the two indices.
    case indices(nextAvailable: UInt16, nextUsed: UInt16, inFlight: UInt16)
}

extension QueueStateError: CustomStringConvertible {
    /// One line.
    public var description: String {
        switch self {
        case .inFlight(let count, let size): "\(count) chains in flight in a queue of \(size)"
        case .indices(let available, let used, let count):
            "next available \(available) and next used \(used) do not differ by \(count) in flight"
        }
    }
}

extension Queue {
    /// What to save. Staged entries are published first.
    public func save() -> QueueState {
        publish()
        return QueueState(
            configuration: configuration, nextAvailable: nextAvailable, nextUsed: nextUsed, inFlight: inFlightCount,
            unsignalled: unsignalled, isBroken: failure != nil)
    }

    /// The name of a chain that was in flight when the queue was saved, from its saved index.
    /// - Returns: nil if the queue has no such descriptor.
    public func head(inFlight index: UInt16) -> ChainHead? { index < size ? ChainHead(index: index) : nil }
}
