// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMSysUtil
import VMMemory
import VirtioDevices
import VirtioDevicesTestSupport
import VirtioModel
import VirtioQueue
import VirtioQueueTestSupport

/// How a block device gets at its file.
enum BlockEngine: String, Sendable, CaseIterable {
    case file, ring, smallRing

    func disk(_ file: FileDisk) throws -> any Disk {
        switch self {
        case .file: file
        case .ring: try RingDisk(file)
        case .smallRing: try RingDisk(file, transfersMax: 2)
        }
    }
}

/// Random requests, several at a time, against an array of bytes that is the file.
@Suite struct BlockModelTests {
    private static let sectors = 64

    private struct Pending {
        var what: String
        var data: DriverQueue.Buffer?
        var status: DriverQueue.Buffer
        var expectedStatus: UInt8
        var expectedWritten: UInt32
        var expectedData: [UInt8]
    }

    private struct Model {
        var rig: BlockRig
        var random: SeededGenerator
        var hasFlush: Bool
        /// The file, which ends before the disk does: it was cut short behind the device's back.
        var bytes: [UInt8]
        var pending: [UInt32: Pending] = [:]
        var busy: Set<Int> = []
        var requests = 0

        mutating func number(below limit: Int) -> Int { Int(random.next() % UInt64(limit)) }

        /// Sectors that no other request of this round has.
        mutating func place() -> Range<Int>? {
            let start = number(below: sectors)
            let range = start..<min(start + 1 + number(below: 8), sectors)
            guard busy.isDisjoint(with: range) else { return nil }
            busy.formUnion(range)
            return range
        }

        /// Cuts a buffer into descriptors.
        mutating func cut(_ buffer: DriverQueue.Buffer) -> [DriverQueue.Buffer] {
            var parts: [DriverQueue.Buffer] = []
            var done: UInt32 = 0
            while done < buffer.byteCount {
                let count = min(buffer.byteCount - done, UInt32(1 + number(below: 3000)))
                parts.append(
                    .init(GuestAddress(buffer.address.rawValue + UInt64(done)), count, isWritable: buffer.isWritable))
                done += count
            }
            return parts
        }

        /// - Returns: whether the request must be alone in its round.
        mutating func add() throws -> Bool {
            let kind = [0, 0, 0, 1, 1, 1, 4, 8, 11, 13, 99][number(below: 11)]
            var isAlone = false
            var out: [UInt8] = []
            var room: UInt32 = 0
            var sector = 0
            var expected: (status: UInt8, written: UInt32, data: [UInt8]) = (0, 1, [])
            switch kind {
            case 0:
                guard let range = place() else { return false }
                sector = range.lowerBound
                room = UInt32(range.count * 512)
                let end = max(min(range.upperBound * 512, bytes.count), range.lowerBound * 512)
                expected.data = range.lowerBound * 512 < bytes.count ? Array(bytes[range.lowerBound * 512..<end]) : []
                let isWhole = expected.data.count == Int(room)
                expected.status = isWhole ? 0 : 1
                expected.written = isWhole ? room + 1 : UInt32(expected.data.count)
            case 1:
                guard let range = place() else { return false }
                sector = range.lowerBound
                out = (0..<range.count * 512).map { _ in UInt8(truncatingIfNeeded: random.next()) }
                let end = range.upperBound * 512
                // It makes the file longer, which others would see or not.
                isAlone = end > bytes.count
                if isAlone, !pending.isEmpty { return true }
                if isAlone { bytes.append(contentsOf: [UInt8](repeating: 0, count: end - bytes.count)) }
                bytes.replaceSubrange(range.lowerBound * 512..<end, with: out)
            case 8:
                room = 20
                expected = (0, 21, [UInt8](repeating: 0, count: 20))
            case 11, 13:
                guard let range = place() else { return false }
                withUnsafeBytes(of: UInt64(range.lowerBound)) { out.append(contentsOf: $0) }
                withUnsafeBytes(of: UInt32(range.count)) { out.append(contentsOf: $0) }
                withUnsafeBytes(of: UInt32(kind == 13 ? number(below: 2) : 0)) { out.append(contentsOf: $0) }
                for index in range.lowerBound * 512..<range.upperBound * 512 where index < bytes.count {
                    bytes[index] = 0
                }
            case 4: expected.status = hasFlush ? 0 : 2
            case 99: expected.status = 2
            default: break
            }
            let status = try rig.queue.buffer(of: [0xee])
            var chain = cut(try rig.queue.buffer(of: BlockRig.header(UInt32(kind), sector: UInt64(sector))))
            if !out.isEmpty { chain += cut(try rig.queue.buffer(of: out)) }
            let data = room > 0 ? rig.queue.buffer(room: room) : nil
            if let data { chain += cut(data) }
            chain.append(.init(status.address, 1, isWritable: true))
            let isIndirect = number(below: 3) == 0
            let head = try #require(try rig.queue.add(chain, isIndirect: isIndirect))
            requests += 1
            pending[UInt32(head)] = Pending(
                what: "request \(requests), type \(kind), sector \(sector)", data: data, status: status,
                expectedStatus: expected.status, expectedWritten: expected.written, expectedData: expected.data)
            return isAlone
        }

        /// Up to twenty requests in flight together, and all their answers.
        mutating func round() throws {
            rig.queue.resetHeap(to: GuestAddress(0x20_0000))
            busy = []
            for _ in 0..<1 + number(below: 20) {
                if try add() { break }
            }
            try rig.queue.publish()
            rig.driver.notify(0)
            while !pending.isEmpty {
                let used = try #require(try rig.takeUsed(), "\(pending.count) requests are not answered")
                let entry = pending.removeValue(forKey: used.head)
                let request = try #require(entry)
                let status = try rig.queue.bytes(of: request.status)[0]
                try #require(status == request.expectedStatus, "\(request.what)")
                try #require(used.written == request.expectedWritten, "\(request.what)")
                if let data = request.data {
                    let data = try rig.queue.bytes(of: data)
                    try #require(
                        Array(data.prefix(request.expectedData.count)) == request.expectedData, "\(request.what)")
                }
            }
        }
    }

    @Test(
        "every request does what it does to an array of bytes, whichever engine, cut and order",
        arguments: BlockEngine.allCases, [1, 2, 3] as [UInt64])
    func model(_ engine: BlockEngine, _ seed: UInt64) throws {
        let file = try FileDescriptor.temporaryFile()
        let other = try file.duplicate()
        try file.setByteCount(UInt64(Self.sectors) * 512)
        let disk = try FileDisk(adopting: file, isReadOnly: false)
        let length = 40 * 512 + 100
        try other.setByteCount(UInt64(length))
        // One in three without FLUSH, so that writes are stable.
        let features: VirtioFeatures? = seed == 3 ? [.version1, .bit(13), .bit(14), .indirectDescriptors] : nil
        var model = Model(
            rig: try BlockRig(try engine.disk(disk), features: features), random: SeededGenerator(seed: seed),
            hasFlush: features == nil,
            bytes: [UInt8](repeating: 0, count: length))
        while model.requests < 2000 {
            do { try model.round() } catch {
                Issue.record("engine \(engine), seed \(seed), after \(model.requests) requests: \(error)")
                return
            }
        }
        var bytes = [UInt8](repeating: 0, count: model.bytes.count)
        try bytes.withUnsafeMutableBytes { try other.readAll(into: $0, atOffset: 0) }
        #expect(bytes == model.bytes)
        #expect(try other.byteCount() == UInt64(model.bytes.count))
        #expect(model.rig.driver.status == 0xf)
        #expect(model.rig.device.counters.unsupported > 0 && model.rig.device.counters.reads > 100)
    }
}
