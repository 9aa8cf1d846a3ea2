// SPDX-License-Identifier: Apache-2.0
public import VMMemory

/// What must be saved of an active queue besides the guest's memory.
public struct QueueState: Equatable, Sendable {
    /// How the driver set it up.
    public var configuration: QueueConfiguration
    /// The next entry of the available ring to take.
    public var nextAvailable: UInt16
    /// The next entry of the used ring to fill.
    public var nextUsed: UInt16
    /// Chains taken and not returned. A device that finished its I/O before the save has none.
    public var inFlight: UInt16
    /// Used entries published since the driver was last considered for an interrupt.
    public var unsignalled: UInt32
}

/// Why a saved state cannot be of a queue.
public enum QueueStateError: Error, Equatable, Sendable {
    /// More chains in flight than descriptors.
    case inFlight(UInt16, size: UInt16)
    /// What is in flight is not the difference of the two indices.
    case indices(nextAvailable: UInt16, nextUsed: UInt16, inFlight: UInt16)
}

extension QueueConfiguration {
    /// Checks the configuration and makes the queue that it describes, at its beginning.
    /// - Throws: the first rule that it breaks. Nothing was changed in guest memory then.
    public func activate(memory: GuestMemory, features: VirtioFeatures) throws(QueueConfigurationError) -> Queue {
        throw .notReady
    }
}
