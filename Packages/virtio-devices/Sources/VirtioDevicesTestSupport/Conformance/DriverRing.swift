// SPDX-License-Identifier: Apache-2.0
internal import VMMemory
internal import VirtioModel
internal import VirtioQueue
internal import VirtioQueueTestSupport

/// The driver's side of a queue, as much as a check needs of either format.
protocol DriverRing: RingDriver {
    var size: UInt16 { get }
    /// What the next chain will be found by.
    var firstDescriptor: UInt64 { get }
    /// Where a descriptor of the chain lies that was added when `firstDescriptor` was so.
    func descriptor(_ index: Int, ofChainAt first: UInt64) throws(GuestMemoryError) -> GuestAddress
    func send(_ buffers: [DriverQueue.Buffer], isIndirect: Bool) throws(GuestMemoryError) -> UInt16?
}

extension DriverQueue: DriverRing {
    var firstDescriptor: UInt64 { UInt64(availableIndex) }

    func descriptor(_ index: Int, ofChainAt first: UInt64) throws(GuestMemoryError) -> GuestAddress {
        let entry = configuration.availableRing.rawValue &+ 4 &+ 2 &* (first % UInt64(size))
        var place = UInt64(try memory.load(UInt16.self, at: GuestAddress(entry)))
        func address() -> UInt64 { configuration.descriptorTable.rawValue &+ 16 &* place }
        for _ in 0..<index { place = UInt64(try memory.load(UInt16.self, at: GuestAddress(address() &+ 14))) }
        return GuestAddress(address())
    }
}

extension PackedDriverQueue: DriverRing {
    var firstDescriptor: UInt64 { nextAvailable }

    func descriptor(_ index: Int, ofChainAt first: UInt64) -> GuestAddress { slotAddress(first &+ UInt64(index)) }
}

extension MMIODriver {
    /// A queue that was set up, in either format.
    func ring(_ index: Int) -> (any DriverRing)? {
        if let queue = queue(index) { return queue }
        return packedQueues.indices.contains(index) ? packedQueues[index] : nil
    }
}

extension VirtioFeatures {
    /// With the other format of rings.
    func with(packedRings isPacked: Bool) -> VirtioFeatures {
        isPacked ? union(.packedRing) : subtracting(.packedRing)
    }
}
