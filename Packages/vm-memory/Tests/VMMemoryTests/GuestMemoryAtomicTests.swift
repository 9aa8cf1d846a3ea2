// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMemory

@Suite struct GuestMemoryAtomicTests {
    @Test("atomic loads and stores of every type and ordering agree with plain ones")
    func loadStore() throws {
        let memory = try memory((0x1000, 0x1000), (0x4000, 0x100))
        func check<T: GuestInteger>(_ value: T, _ address: UInt64) throws {
            let address = GuestAddress(address)
            for ordering in [StoreOrdering.relaxed, .releasing, .sequentiallyConsistent] {
                try memory.store(0 as T, at: address)
                try memory.atomicStore(value, at: address, ordering: ordering)
                #expect(try memory.load(T.self, at: address) == value)
            }
            for ordering in [LoadOrdering.relaxed, .acquiring, .sequentiallyConsistent] {
                #expect(try memory.atomicLoad(T.self, at: address, ordering: ordering) == value)
            }
        }
        for address: UInt64 in [0x1008, 0x4008] {
            try check(0x9a as UInt8, address)
            try check(0x9a9a as UInt16, address)
            try check(0x9a9a_9a9a as UInt32, address)
            try check(0x9a9a_9a9a_9a9a_9a9a as UInt64, address)
            try check(-1 as Int8, address)
            try check(-2 as Int16, address)
            try check(-3 as Int32, address)
            try check(-4 as Int64, address)
            try check(-5 as Int, address)
            try check(5 as UInt, address)
        }
    }

    @Test("exchange, compare-exchange, or and and return the old value")
    func modify() throws {
        let memory = try memory((0x1000, 0x1000))
        let address = GuestAddress(0x1010)
        func check<T: GuestInteger>(_: T.Type) throws {
            try memory.store(1 as T, at: address)
            #expect(try memory.atomicExchange(2 as T, at: address) == 1)
            let failed = try memory.atomicCompareExchange(expected: 1 as T, desired: 9, at: address)
            #expect(!failed.exchanged)
            #expect(failed.original == 2)
            let done = try memory.atomicCompareExchange(expected: 2 as T, desired: 5, at: address)
            #expect(done.exchanged)
            #expect(done.original == 2)
            #expect(try memory.atomicOr(8 as T, at: address) == 5)
            #expect(try memory.atomicAnd(12 as T, at: address) == 13)
            #expect(try memory.load(T.self, at: address) == 12)
        }
        try check(UInt8.self)
        try check(UInt16.self)
        try check(UInt32.self)
        try check(UInt64.self)
        try check(Int8.self)
        try check(Int16.self)
        try check(Int32.self)
        try check(Int64.self)
        try check(Int.self)
        try check(UInt.self)
    }

    @Test("an address off a multiple of the size is refused with both; past the end is an error too")
    func misaligned() throws {
        let memory = try memory((0x1000, 0x1004))
        for address: UInt64 in [0x1001, 0x1002, 0x1004, 0x9001] {
            #expect(throws: GuestMemoryError.misaligned(GuestAddress(address), alignment: 8)) {
                try memory.atomicLoad(UInt64.self, at: GuestAddress(address), ordering: .acquiring)
            }
            #expect(throws: GuestMemoryError.misaligned(GuestAddress(address), alignment: 8)) {
                try memory.atomicStore(1 as UInt64, at: GuestAddress(address), ordering: .releasing)
            }
        }
        #expect(throws: GuestMemoryError.misaligned(GuestAddress(0x1001), alignment: 2)) {
            try memory.atomicExchange(1 as UInt16, at: GuestAddress(0x1001))
        }
        #expect(throws: GuestMemoryError.partial(GuestAddress(0x2000), expected: 8, completed: 4)) {
            try memory.atomicLoad(UInt64.self, at: GuestAddress(0x2000), ordering: .relaxed)
        }
        #expect(throws: GuestMemoryError.unmapped(GuestAddress(0x2008))) {
            try memory.atomicOr(1 as UInt64, at: GuestAddress(0x2008))
        }
        #expect(throws: GuestMemoryError.unmapped(GuestAddress(0xfff8))) {
            try memory.atomicStore(1 as UInt64, at: GuestAddress(0xfff8), ordering: .relaxed)
        }
    }

    @Test("what two threads add and or is all there")
    func concurrent() throws {
        let memory = try memory((0x1000, 0x1000))
        let rounds = 5_000
        let workers = (0..<2).map { bit in
            Worker {
                for _ in 0..<rounds {
                    var old = (try? memory.load(UInt32.self, at: GuestAddress(0x1000))) ?? 0
                    while let result = try? memory.atomicCompareExchange(
                        expected: old, desired: old &+ 1, at: GuestAddress(0x1000)), !result.exchanged
                    {
                        old = result.original
                    }
                    _ = try? memory.atomicOr(UInt64(1) << UInt64(bit), at: GuestAddress(0x1008))
                }
                return true
            }
        }
        for worker in workers { #expect(worker.wait()) }
        #expect(try memory.load(UInt32.self, at: GuestAddress(0x1000)) == UInt32(2 * rounds))
        #expect(try memory.load(UInt64.self, at: GuestAddress(0x1008)) == 3)
    }

    @Test("what was written before a releasing store is there after an acquiring load of it")
    func publication() throws {
        let memory = try memory((0x1000, 0x1000))
        let (data, flag) = (GuestAddress(0x1000), GuestAddress(0x1800))
        let rounds: UInt64 = 5_000
        let writer = Worker {
            for round in 1...rounds {
                try? memory.store(round, at: data)
                try? memory.atomicStore(round, at: flag, ordering: .releasing)
            }
            return true
        }
        var seen: UInt64 = 0
        while seen < rounds {
            seen = try memory.atomicLoad(UInt64.self, at: flag, ordering: .acquiring)
            guard try memory.load(UInt64.self, at: data) >= seen else {
                Issue.record("flag \(seen) came before its data")
                break
            }
        }
        #expect(writer.wait())
    }
}
