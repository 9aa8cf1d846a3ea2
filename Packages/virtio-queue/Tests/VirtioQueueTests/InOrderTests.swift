// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMemory
import VirtioQueue
import VirtioQueueTestSupport

/// VIRTIO_F_IN_ORDER (virtio 1.2, 2.7.9 and 2.8.8), in the rings themselves; `ModelTests` has what drivers make of them.
@Suite struct InOrderTests {
    static let features: VirtioFeatures = [.version1, .eventIndex, .inOrder]

    /// A queue of 8 with so many chains of one writable buffer of 10 bytes, and all of them taken.
    private static func split(_ count: Int) throws -> (driver: DriverQueue, queue: Queue, chains: [ChainBuffers]) {
        let driver = try DriverQueue(size: 8, features: features)
        let queue = try driver.activate()
        let chains = try (0..<count).map { _ in
            try driver.send([driver.buffer(room: 10)])
            let buffers = ChainBuffers(capacity: 1)
            _ = try #require(try queue.pop(into: buffers))
            return buffers
        }
        return (driver, queue, chains)
    }

    private static func packed(_ count: Int) throws -> (driver: PackedDriverQueue, Queue, chains: [ChainBuffers]) {
        let driver = try PackedDriverQueue(size: 9, features: features.union(.packedRing))
        let queue = try driver.activate()
        let chains = try (0..<count).map { _ in
            try driver.send([driver.buffer(room: 4), driver.buffer(room: 6)])
            let buffers = ChainBuffers(capacity: 2)
            _ = try #require(try queue.pop(into: buffers))
            return buffers
        }
        return (driver, queue, chains)
    }

    @Test("what the device returns early waits, and goes back behind what was offered before it")
    func holdsBack() throws {
        let (driver, queue, chains) = try Self.split(3)
        let heads = chains.compactMap(\.head)
        queue.push(heads[2], written: 3)
        queue.push(heads[1], written: 2)
        #expect(try driver.usedIndex() == 0)
        #expect(queue.inFlight == 1 && !queue.shouldSignalDriver())
        // Twice is once.
        queue.push(heads[2], written: 9)
        #expect(queue.inFlight == 1)
        queue.push(heads[0], written: 1)
        #expect(try driver.usedIndex() == 3)
        #expect(queue.inFlight == 0 && queue.shouldSignalDriver())
        for index in 0..<3 as Range<UInt16> {
            #expect(
                try driver.usedEntry(index) == .init(head: UInt32(heads[Int(index)].index), written: UInt32(index + 1)))
        }
    }

    @Test("a batch has one used entry, where its first would be, that names its last (2.7.9)")
    func batch() throws {
        let (driver, queue, chains) = try Self.split(4)
        let heads = chains.compactMap(\.head)
        for index in 0..<3 { queue.stage(chains[index], written: 10) }
        // The last one may be written in part.
        queue.stage(chains[3], written: 7)
        #expect(try driver.usedIndex() == 0)
        queue.publish()
        #expect(try driver.usedIndex() == 4)
        #expect(try driver.usedEntry(0) == .init(head: UInt32(heads[3].index), written: 7))
        for index in 1..<4 as Range<UInt16> { #expect(try driver.usedEntry(index) == .init(head: 0, written: 0)) }
        #expect(try (0..<4).map { _ in try driver.takeUsed()?.written } == [10, 10, 10, 7])
        #expect(try driver.takeUsed() == nil && driver.freeCount == 8)
    }

    @Test("a chain that was not written to its end has an entry, so that the driver learns how far")
    func incomplete() throws {
        let (driver, queue, chains) = try Self.split(4)
        let heads = chains.compactMap { $0.head?.index }.map(UInt32.init)
        for (chain, written) in zip(chains, [10, 9, 10, 10] as [UInt32]) { queue.stage(chain, written: written) }
        queue.publish()
        #expect(try driver.usedEntry(0) == .init(head: heads[1], written: 9))
        #expect(try driver.usedEntry(1) == .init(head: 0, written: 0))
        #expect(try driver.usedEntry(2) == .init(head: heads[3], written: 10))
        #expect(try (0..<4).map { _ in try driver.takeUsed()?.written } == [10, 9, 10, 10])
    }

    @Test("what was published is not touched again: a batch ends with it")
    func published() throws {
        let (driver, queue, chains) = try Self.split(2)
        let heads = chains.compactMap { $0.head?.index }.map(UInt32.init)
        queue.push(chains[0], written: 10)
        queue.push(chains[1], written: 10)
        for index in 0..<2 as Range<UInt16> {
            #expect(try driver.usedEntry(index) == .init(head: heads[Int(index)], written: 10))
        }
    }

    @Test("a batch of a packed ring has one used descriptor, in its first slot, that names its last (2.8.8)")
    func packedBatch() throws {
        let (driver, queue, chains) = try Self.packed(4)
        let heads = chains.compactMap { $0.head?.index }
        let before = try (1..<8 as Range<UInt64>).map { try driver.flagsNow($0) }
        for chain in chains.reversed() {
            #expect(try driver.takeUsed() == nil)
            queue.push(chain, written: chain === chains[3] ? 5 : 10)
        }
        #expect(try driver.flagsNow(0) & 0x8082 == 0x8082)
        #expect(try driver.memory.load(UInt16.self, at: GuestAddress(driver.slotAddress(0).rawValue + 12)) == heads[3])
        #expect(try (1..<8 as Range<UInt64>).map { try driver.flagsNow($0) } == before)
        #expect(try (0..<4).map { _ in try driver.takeUsed()?.written } == [10, 10, 10, 5])
        #expect(driver.freeCount == 9)
    }

    @Test("a chain that was put back is taken again in its place; one with another behind it is not put back")
    func undo() throws {
        let (driver, queue, chains) = try Self.split(2)
        let heads = chains.compactMap(\.head)
        queue.undoPop(heads[0])
        #expect(queue.inFlight == 2)
        queue.undoPop(heads[1])
        #expect(queue.inFlight == 1)
        queue.push(heads[0], written: 1)
        let again = try #require(try queue.pop())
        #expect(again.head.index == heads[1].index)
        queue.push(again.head, written: 2)
        #expect(try [driver.takeUsed()?.written, driver.takeUsed()?.written] == [1, 2])
    }

    @Test("a malformed chain that is returned waits for its turn too")
    func malformed() throws {
        let (driver, queue, chains) = try Self.split(1)
        queue.malformedChainPolicy = .returnHead
        try driver.send([.init(GuestAddress(0x4000_0000), 1, isWritable: true)])
        let error = #expect(throws: QueueError.self) { try queue.pop(into: ChainBuffers()) }
        #expect(queue.recover(from: try #require(error)))
        #expect(try driver.usedIndex() == 0)
        queue.push(chains[0], written: 10)
        #expect(try driver.usedIndex() == 2)
        #expect(try [driver.takeUsed()?.written, driver.takeUsed()?.written] == [10, 0])
    }

    @Test("a driver that offers more than the queue has, or one chain again and again, breaks the ring and no more")
    func hostile() throws {
        let driver = try DriverQueue(size: 2, features: Self.features)
        let queue = try driver.activate()
        try driver.setDescriptor(0, GuestAddress(0x8000), byteCount: 1, flags: 0)
        for _ in 0..<2 { try driver.offer(0) }
        try driver.publish()
        let heads = try [#require(try queue.pop()).head, #require(try queue.pop()).head]
        try driver.offer(0)
        try driver.publish()
        #expect(throws: QueueError.tooManyInFlight(size: 2)) { try queue.pop() }
        // One name for two chains: either may be the first.
        for head in heads.reversed() { queue.push(head, written: 1) }
        #expect(try driver.usedIndex() == 2 && queue.inFlight == 0)
    }

    @Test("a restored queue knows the order, and what waited goes back when its turn comes")
    func restore() throws {
        let (driver, first, chains) = try Self.split(3)
        let heads = chains.compactMap(\.head)
        first.push(heads[0], written: 1)
        first.push(heads[2], written: 3)
        let state = first.save()
        #expect(state.inFlight == 2)
        #expect(state.order == [.init(index: heads[1].index), .init(index: heads[2].index, written: 3)])
        let second = try state.restore(memory: driver.memory, features: driver.features)
        #expect(second.inFlight == 1 && second.save() == state)
        #expect(second.head(inFlight: heads[2].index) == nil)
        second.push(try #require(second.head(inFlight: heads[1].index)), written: 2)
        #expect(try driver.usedIndex() == 3)
        #expect(try (0..<3).map { _ in try driver.takeUsed()?.written } == [1, 2, 3])
    }

    @Test("a saved order that is not of the chains in flight is refused, in both formats")
    func refused() throws {
        let (driver, queue, _) = try Self.split(2)
        let (packedDriver, packedQueue, _) = try Self.packed(2)
        func refuse(_ state: QueueState, _ memory: GuestMemory, _ features: VirtioFeatures) {
            #expect(
                throws: QueueConfigurationError.state(.order(state.order.count, inFlight: 2)), "\(state.order)"
            ) { try state.restore(memory: memory, features: features) }
        }
        func check(_ saved: QueueState, _ memory: GuestMemory, _ features: VirtioFeatures) throws {
            _ = try saved.restore(memory: memory, features: features)
            refuse(saved, memory, features.subtracting(.inOrder))
            let changes: [(inout [QueueState.OrderedChain]) -> Void] = [
                { $0 = [] }, { $0.removeLast() }, { $0.append($0[0]) }, { $0[0].written = 1 },
                { $0[0].slotCount &+= 1 }, { $0[0].slotCount = 0 }, { $0[1].slotCount = .max },
            ]
            for change in changes {
                var state = saved
                change(&state.order)
                refuse(state, memory, features)
            }
        }
        try check(queue.save(), driver.memory, driver.features)
        try check(packedQueue.save(), packedDriver.memory, packedDriver.features)
        var state = queue.save()
        state.order[1].index = 8
        refuse(state, driver.memory, driver.features)
    }
}
