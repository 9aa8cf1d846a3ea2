// SPDX-License-Identifier: Apache-2.0
internal import VMMemory
internal import VirtioModel
internal import VirtioQueue
internal import VirtioQueueTestSupport

/// The driver's side of a queue, as much as a check needs of either format.
protocol DriverRing: RingDriver {
    var size: UInt16 { get }
    var configuration: QueueConfiguration { get }
    func resetHeap(to address: GuestAddress)
    func send(_ buffers: [DriverQueue.Buffer], isIndirect: Bool) throws(GuestMemoryError) -> UInt16?
    /// What the device used next.
    func takeReturned() throws(GuestMemoryError) -> (name: UInt32, written: UInt32)?
}

extension DriverQueue: DriverRing {
    func takeReturned() throws(GuestMemoryError) -> (name: UInt32, written: UInt32)? {
        try takeUsed().map { ($0.head, $0.written) }
    }
}

extension PackedDriverQueue: DriverRing {
    func takeReturned() throws(GuestMemoryError) -> (name: UInt32, written: UInt32)? {
        try takeUsed().map { (UInt32($0.id), $0.written) }
    }
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
