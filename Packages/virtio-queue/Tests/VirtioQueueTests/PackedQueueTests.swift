// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMemory
import VirtioQueue
import VirtioQueueTestSupport

@Suite struct PackedQueueTests {
    static let plain: VirtioFeatures = [.version1, .packedRing]
    static let at = GuestAddress(0x8000)

    @Test("nothing is available in a ring of zeros, nor is what was used")
    func empty() throws {
        let driver = try PackedDriverQueue(size: 2)
        let queue = try driver.activate()
        #expect(try queue.pop() == nil)
        for _ in 0..<9 {
            try driver.send([driver.buffer(room: 1)])
            let head = try #require(try queue.pop()).head
            queue.push(head, written: 0)
            #expect(try queue.pop() == nil)
            #expect(try driver.takeUsed() != nil)
        }
    }

    @Test("a descriptor is available only if AVAIL is the wrap counter and USED is not (2.8.1)")
    func flags() throws {
        for round in 0..<2 as Range<UInt64> {
            for flags in [0, 0x80, 0x8000, 0x8080] as [UInt16] {
                let driver = try PackedDriverQueue(size: 3, firstSlot: 3 * round)
                let queue = try restored(driver, at: 3 * round)
                try driver.setFlags(3 * round, flags)
                #expect(try (queue.pop() != nil) == (flags == (round == 0 ? 0x80 : 0x8000)), "\(round) \(flags)")
            }
        }
    }

    @Test("a used descriptor is id, length, WRITE if anything was written, AVAIL and USED at the wrap counter (2.8.1)")
    func used() throws {
        for round in 0..<2 as Range<UInt64> {
            for written in [0, 77] as [UInt32] {
                let driver = try PackedDriverQueue(size: 2, firstSlot: 2 * round)
                let queue = try restored(driver, at: 2 * round)
                try driver.setDescriptor(2 * round, Self.at, byteCount: 100, id: 0xabcd, flags: 2)
                let head = try #require(try queue.pop()).head
                queue.push(head, written: written)
                let entry = driver.slotAddress(2 * round).rawValue
                #expect(try driver.memory.load(UInt32.self, at: GuestAddress(entry + 8)) == written)
                #expect(try driver.memory.load(UInt16.self, at: GuestAddress(entry + 12)) == 0xabcd)
                let flags: UInt16 = (round == 0 ? 0x8080 : 0) | (written > 0 ? 2 : 0)
                #expect(try driver.flagsNow(2 * round) == flags)
            }
        }
    }

    @Test("chains go back in any order, each skips as many slots as it has")
    func anyOrder() throws {
        let driver = try PackedDriverQueue(size: 7)
        let queue = try driver.activate()
        let counts = [3, 1, 2]
        for _ in 0..<20 {
            var ids: [UInt16] = []
            for count in counts {
                ids.append(try #require(try driver.send((0..<count).map { _ in .init(Self.at, 1, isWritable: true) })))
            }
            var heads: [ChainHead] = []
            while let chain = try queue.pop() { heads.append(chain.head) }
            #expect(heads.map(\.index) == ids && heads.map(\.slotCount) == [3, 1, 2])
            for pick in [1, 2, 0] { queue.push(heads[pick], written: UInt32(pick)) }
            for pick in [1, 2, 0] {
                #expect(try driver.takeUsed() == .init(id: ids[pick], written: UInt32(pick), hasWritten: pick > 0))
            }
            #expect(try driver.takeUsed() == nil && driver.freeCount == 7)
        }
    }

    @Test("what is staged is seen at the publication, all of it, by the flags of its first descriptor")
    func staged() throws {
        let driver = try PackedDriverQueue(size: 4)
        let queue = try driver.activate()
        for _ in 0..<3 { try driver.send([driver.buffer(room: 1)]) }
        while let chain = try queue.pop() { queue.stage(chain.head, written: 1) }
        #expect(try driver.flagsNow(0) == 0x82)
        #expect(try driver.flagsNow(1) == 0x8082)
        #expect(try driver.takeUsed() == nil)
        queue.publish()
        for _ in 0..<3 { #expect(try driver.takeUsed()?.written == 1) }
    }

    @Test("a chain that was put back comes again, with all of its slots; one that is not in flight cannot be")
    func undo() throws {
        let driver = try PackedDriverQueue(size: 4, firstSlot: 2)
        let queue = try restored(driver, at: 2)
        try driver.send((0..<3).map { _ in driver.buffer(room: 1) })
        let first = try #require(try queue.pop()).head
        queue.undoPop(first)
        queue.undoPop(first)
        #expect(queue.inFlight == 0)
        #expect(try queue.pop()?.head == first)
        queue.push(first, written: 0)
        queue.undoPop(first)
        #expect(try queue.pop() == nil && queue.inFlight == 0)
    }

    @Test("several chains of different lengths go back in reverse order, also once those before them were returned")
    func undoSeveral() throws {
        for first in 0..<14 as Range<UInt64> {
            let driver = try PackedDriverQueue(size: 7, firstSlot: first)
            let queue = try restored(driver, at: first)
            for count in [1, 3, 2, 1] {
                try driver.send((0..<count).map { _ in .init(Self.at, 1, isWritable: true) })
            }
            var heads: [ChainHead] = []
            while let chain = try queue.pop() { heads.append(chain.head) }
            queue.stage(heads[0], written: 1)
            for head in heads.dropFirst().reversed() { queue.undoPop(head) }
            #expect(queue.inFlight == 0)
            var again: [ChainHead] = []
            while var chain = try queue.pop() {
                var count = 0
                while try chain.next(in: queue) != nil { count += 1 }
                #expect(count == Int(chain.head.slotCount))
                again.append(chain.head)
            }
            #expect(again == Array(heads.dropFirst()))
            for head in again { queue.push(head, written: 1) }
            for _ in 0..<4 { #expect(try driver.takeUsed()?.isKnown == true) }
        }
    }

    @Test("a head that is not in flight is not returned")
    func twice() throws {
        let driver = try PackedDriverQueue(size: 4)
        let queue = try driver.activate()
        try driver.send([driver.buffer(room: 1)])
        let head = try #require(try queue.pop()).head
        queue.push(head, written: 0)
        let state = queue.save()
        queue.push(head, written: 0)
        #expect(queue.save() == state)
    }

    @Test("NEXT without end breaks the ring for good, with and without other chains in flight")
    func endless() throws {
        let driver = try PackedDriverQueue(size: 5)
        let queue = try driver.activate()
        for slot in 0..<5 as Range<UInt64> { try driver.setDescriptor(slot, Self.at, byteCount: 1, id: 1, flags: 1) }
        for _ in 0..<2 {
            #expect(throws: QueueError.chainWithoutEnd(slot: 0, size: 5)) { try queue.pop() }
        }
        #expect(!queue.enableNotifications() && queue.inFlight == 0)
        let second = try driver.activate()
        try driver.setDescriptor(1, Self.at, byteCount: 1, id: 1, flags: 0)
        #expect(try second.pop() != nil)
        for slot in 5..<7 as Range<UInt64> { try driver.setDescriptor(slot, Self.at, byteCount: 1, id: 1, flags: 1) }
        #expect(throws: QueueError.chainWithoutEnd(slot: 2, size: 5)) { try second.pop() }
    }

    @Test("a chain that goes on in a slot that is not available breaks the ring")
    func partial() throws {
        let driver = try PackedDriverQueue(size: 5)
        try driver.setDescriptor(0, Self.at, byteCount: 1, id: 1, flags: 1)
        let queue = try driver.activate()
        #expect(throws: QueueError.partialChain(slot: 1)) { try queue.pop() }
        #expect(throws: QueueError.partialChain(slot: 1)) { try queue.pop() }
    }

    @Test("slots that the driver has not got back cannot be offered again")
    func tooMany() throws {
        let driver = try PackedDriverQueue(size: 2)
        let queue = try driver.activate()
        for slot in 0..<2 as Range<UInt64> { try driver.setDescriptor(slot, Self.at, byteCount: 1, id: 1, flags: 0) }
        let head = try #require(try queue.pop()).head
        #expect(try queue.pop() != nil && queue.inFlight == 2)
        #expect(try queue.pop() == nil)
        queue.stage(head, written: 0)
        try driver.setDescriptor(2, Self.at, byteCount: 1, id: 1, flags: 0)
        #expect(throws: QueueError.tooManyInFlight(size: 2)) { try queue.pop() }
    }

    @Test("serve drains a packed ring and leaves the doorbell on")
    func serve() throws {
        let driver = try PackedDriverQueue(size: 5)
        let queue = try driver.activate()
        for _ in 0..<5 { try driver.send([driver.buffer(room: 4)]) }
        var flags: [UInt16?] = []
        let outcome = try queue.serve(into: ChainBuffers(), limit: 100) { buffers in
            flags.append(try? driver.deviceEvent().flags)
            return .used(written: UInt32(clamping: buffers.writableByteCount))
        }
        #expect(outcome == .drained && flags == [1, 1, 1, 1, 1])
        #expect(try driver.deviceEvent() == (2, RingPosition(slot: 0, wrap: false)))
        for _ in 0..<5 { #expect(try driver.takeUsed()?.written == 4) }
    }

    @Test("the pages of used descriptors and of written buffers are marked where memory keeps track")
    func dirty() throws {
        var options = MappingOptions()
        options.dirtyPageByteCount = 4096
        let range = try #require(GuestRange(start: GuestAddress(0x1000), byteCount: 0x10000))
        let memory = try GuestMemory(regions: [.anonymous(range, options: options)])
        let bitmap = try #require(memory.regions.first?.dirtyBitmap)
        // Two pages of ring, the second of which the chain is in.
        let driver = try PackedDriverQueue(memory: memory, size: 512, firstSlot: 256)
        let queue = try restored(driver, at: 256)
        let buffer = DriverQueue.Buffer(GuestAddress(0x8000), 16, isWritable: true)
        try driver.send([buffer])
        bitmap.clearAll()
        let buffers = ChainBuffers()
        #expect(try queue.pop(into: buffers) != nil)
        #expect(bitmap.dirtyPageCount == 0)
        queue.push(buffers, written: 16)
        #expect(!bitmap.isDirty(byteOffset: 0) && bitmap.isDirty(byteOffset: 0x1000))
        #expect(bitmap.isDirty(byteOffset: 0x7000) && !bitmap.isDirty(byteOffset: 0x8000))
    }

    @Test("ring and device area are each marked by what the region says that they are in", arguments: [true, false])
    func dirtyApart(_ isRingTracked: Bool) throws {
        var options = MappingOptions()
        options.dirtyPageByteCount = 4096
        let plain = try #require(GuestRange(start: GuestAddress(0x1000), byteCount: 0x1000))
        let tracked = try #require(GuestRange(start: GuestAddress(0x8000), byteCount: 0x1000))
        let memory = try GuestMemory(regions: [.anonymous(plain), .anonymous(tracked, options: options)])
        let bitmap = try #require(memory.regions.last?.dirtyBitmap)
        let start = isRingTracked ? tracked.start : plain.start
        let driver = try PackedDriverQueue(memory: memory, size: 8, at: start)
        var configuration = driver.configuration
        configuration.usedRing = GuestAddress(isRingTracked ? 0x1800 : 0x8800)
        let queue = try configuration.activate(memory: memory, features: driver.features)
        try driver.send([.init(GuestAddress(0x1c00), 1, isWritable: true)])
        bitmap.clearAll()
        #expect(queue.enableNotifications())
        #expect(bitmap.isDirty(byteOffset: 0) == !isRingTracked)
        let head = try #require(try queue.pop()).head
        bitmap.clearAll()
        queue.push(head, written: 1)
        #expect(bitmap.isDirty(byteOffset: 0) == isRingTracked)
    }
}
