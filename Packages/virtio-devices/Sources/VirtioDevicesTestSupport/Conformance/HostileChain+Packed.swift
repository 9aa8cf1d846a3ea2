// SPDX-License-Identifier: Apache-2.0
internal import VMMemory
internal import VirtioQueue
internal import VirtioQueueTestSupport

/// What is wrong with a chain in a packed ring (virtio 1.2, 2.8), as far as it is not the same in both formats.
extension HostileChain {
    func offerPacked(
        _ queue: PackedDriverQueue, _ source: DriverQueue.Buffer, _ room: DriverQueue.Buffer
    ) throws(GuestMemoryError) {
        let first = queue.nextAvailable
        func one(_ address: GuestAddress, _ byteCount: UInt32, flags: UInt16) throws(GuestMemoryError) {
            try queue.setDescriptor(first, address, byteCount: byteCount, id: 0, flags: flags)
        }
        switch self {
        // There is no field that says which slot is next; NEXT into a slot that is not offered, or round and round.
        case .selfLoop, .nextOutside: try one(source.address, 64, flags: 1)
        case .longLoop:
            for slot in (first..<first + UInt64(queue.size)).reversed() {
                try queue.setDescriptor(slot, source.address, byteCount: 64, id: 0, flags: 1)
            }
        case .headOutside:
            try queue.setDescriptor(first, room.address, byteCount: 64, id: queue.size, flags: 2)
        case .sameHeadTwice, .full:
            let count = self == .full ? UInt64(queue.size) : 2
            for slot in (first..<first + count).reversed() {
                try queue.setDescriptor(slot, room.address, byteCount: 64, id: 0, flags: 2)
            }
        case .nestedIndirect:
            try queue.setEntry(source.address, source, id: 0, flags: 4)
            try one(source.address, 16, flags: 4)
        case .indirectPartEntry: try one(source.address, 17, flags: 4)
        case .indirectEmpty: try one(source.address, 0, flags: 4)
        case .indirectUnmapped: try one(GuestAddress(0xf_0000_0000), 32, flags: 4)
        case .indirectTooLong: try one(source.address, 0xffff_fff0, flags: 4)
        // More than a round ahead, and behind: flags that no driver sets.
        case .indexAhead:
            for slot in 0..<UInt64(queue.size) { try queue.setFlags(slot, 0x8080) }
        case .indexBehind:
            for slot in 0..<UInt64(queue.size) { try queue.setFlags(slot, queue.offered(first) | 1) }
        default: break
        }
    }
}
