// SPDX-License-Identifier: Apache-2.0
internal import VMMemory
internal import VirtioQueue
internal import VirtioQueueTestSupport

/// What a driver may put into a queue, allowed or not (virtio 1.2, 2.7).
enum HostileChain: String, CaseIterable {
    case readable, writable, both, manyPieces, indirect, emptyBuffers, overlapping, writableFirst
    case selfLoop, longLoop, nextOutside, headOutside, sameHeadTwice
    case unmapped, straddlesEnd, reachesIntoGap, comesOutOfGap, addressWraps, hugeLength, writesIntoRings
    case nestedIndirect, indirectPartEntry, indirectEmpty, indirectUnmapped, indirectTooLong
    case indexAhead, indexBehind, full

    /// Whether the chain keeps all the rules, so that the device must go on.
    var isLegal: Bool {
        switch self {
        case .readable, .writable, .both, .manyPieces, .indirect, .emptyBuffers, .overlapping: true
        default: false
        }
    }

    /// Puts it into the queue and shows it.
    /// - Parameter random: content for what the device reads.
    /// - Returns: how many bytes the device may write, for each head that was offered with the rules kept.
    func offer(
        to queue: any DriverRing, random: inout SeededGenerator
    ) throws(GuestMemoryError) -> [UInt16: UInt64] {
        let source = try queue.buffer(of: random.bytes(64))
        let room = queue.buffer(room: 64)
        if let offered = try offerAnywhere(queue, source, room, &random) { return offered }
        if let queue = queue as? DriverQueue { try offerSplit(queue, source, room) }
        if let queue = queue as? PackedDriverQueue { try offerPacked(queue, source, room) }
        return [:]
    }

    /// Those that are made of whole chains, whatever the format.
    /// - Returns: nil for the others.
    private func offerAnywhere(
        _ queue: any DriverRing, _ source: DriverQueue.Buffer, _ room: DriverQueue.Buffer,
        _ random: inout SeededGenerator
    ) throws(GuestMemoryError) -> [UInt16: UInt64]? {
        switch self {
        case .readable: return try legal(queue, [source])
        case .writable: return try legal(queue, [room])
        case .both: return try legal(queue, [source, room])
        case .manyPieces:
            var pieces: [DriverQueue.Buffer] = []
            for _ in 0..<3 { pieces.append(try queue.buffer(of: random.bytes(7))) }
            for _ in 0..<3 { pieces.append(queue.buffer(room: 7)) }
            return try legal(queue, pieces)
        case .indirect: return try legal(queue, [source, room], isIndirect: true)
        case .emptyBuffers:
            return try legal(
                queue, [.init(source.address, 0, isWritable: false), .init(room.address, 0, isWritable: true)])
        case .overlapping: return try legal(queue, [source, .init(source.address, 64, isWritable: true)])
        case .writableFirst: return try broken(queue, [room, source])
        case .unmapped:
            return try broken(queue, [source, .init(GuestAddress(0xf_0000_0000), 64, isWritable: true)])
        case .straddlesEnd:
            guard let end = queue.memory.regions.last?.range.end else { return [:] }
            return try broken(queue, [source, .init(GuestAddress(end.rawValue &- 10), 64, isWritable: true)])
        // Between two regions, where a machine has the windows of its devices.
        case .reachesIntoGap:
            guard let end = queue.memory.regions.first?.range.end else { return [:] }
            return try broken(queue, [source, .init(GuestAddress(end.rawValue &- 10), 64, isWritable: true)])
        case .comesOutOfGap:
            guard let start = queue.memory.regions.last?.range.start else { return [:] }
            return try broken(queue, [.init(GuestAddress(start.rawValue &- 10), 64, isWritable: false)])
        case .addressWraps: return try broken(queue, [.init(GuestAddress(.max &- 10), 64, isWritable: false)])
        case .hugeLength: return try broken(queue, [source, .init(room.address, .max, isWritable: true)])
        case .writesIntoRings:
            return try legal(queue, [source, .init(queue.configuration.usedRing, 64, isWritable: true)])
        default: return nil
        }
    }

    private func offerSplit(
        _ queue: DriverQueue, _ source: DriverQueue.Buffer, _ room: DriverQueue.Buffer
    ) throws(GuestMemoryError) {
        switch self {
        case .selfLoop: try one(queue, source.address, 64, flags: 1, next: 0)
        case .longLoop:
            for index in 0..<queue.size {
                try queue.setDescriptor(
                    index, source.address, byteCount: 64, flags: 1, next: (index &+ 1) & (queue.size &- 1))
            }
            try offerHead(queue, 0)
        case .nextOutside: try one(queue, source.address, 64, flags: 1, next: queue.size)
        case .headOutside: try offerHead(queue, queue.size)
        case .sameHeadTwice:
            try queue.setDescriptor(0, room.address, byteCount: 64, flags: 2)
            for _ in 0..<2 { try queue.offer(0) }
            try queue.publish()
        case .nestedIndirect:
            try queue.setTableEntry(source.address, source, flags: 4)
            try one(queue, source.address, 16, flags: 4, next: 0)
        case .indirectPartEntry: try one(queue, source.address, 17, flags: 4, next: 0)
        case .indirectEmpty: try one(queue, source.address, 0, flags: 4, next: 0)
        case .indirectUnmapped: try one(queue, GuestAddress(0xf_0000_0000), 32, flags: 4, next: 0)
        case .indirectTooLong: try one(queue, source.address, 0xffff_fff0, flags: 4, next: 0)
        case .indexAhead: try queue.setAvailableIndex(queue.availableIndex &+ queue.size &+ 1)
        case .indexBehind: try queue.setAvailableIndex(queue.availableIndex &- 1)
        case .full:
            try queue.setDescriptor(0, room.address, byteCount: 64, flags: 2)
            for _ in 0..<queue.size { try queue.offer(0) }
            try queue.publish()
        default: break
        }
    }

    private func legal(
        _ queue: any DriverRing, _ buffers: [DriverQueue.Buffer], isIndirect: Bool = false
    ) throws(GuestMemoryError) -> [UInt16: UInt64] {
        guard let head = try queue.send(buffers, isIndirect: isIndirect) else { return [:] }
        return [head: buffers.reduce(0) { $0 + ($1.isWritable ? UInt64($1.byteCount) : 0) }]
    }

    private func broken(
        _ queue: any DriverRing, _ buffers: [DriverQueue.Buffer]
    ) throws(GuestMemoryError) -> [UInt16: UInt64] {
        _ = try queue.send(buffers, isIndirect: false)
        return [:]
    }

    private func one(
        _ queue: DriverQueue, _ address: GuestAddress, _ byteCount: UInt32, flags: UInt16, next: UInt16
    ) throws(GuestMemoryError) {
        try queue.setDescriptor(0, address, byteCount: byteCount, flags: flags, next: next)
        try offerHead(queue, 0)
    }

    private func offerHead(_ queue: DriverQueue, _ head: UInt16) throws(GuestMemoryError) {
        try queue.offer(head)
        try queue.publish()
    }
}

extension SeededGenerator {
    /// Mostly small numbers, as fields of requests are.
    mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in
            let value = next()
            return value & 0x300 == 0 ? UInt8(truncatingIfNeeded: value) : UInt8(truncatingIfNeeded: value & 0xf)
        }
    }
}
