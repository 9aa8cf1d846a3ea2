// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMemory
import VMMemoryTestSupport

@Suite struct ModelTests {
    @Test("random operations give what a dictionary of bytes gives", arguments: 0..<20)
    func random(run: Int) throws {
        let seed = SeededRandom.seed() &+ UInt64(run)
        var random = SeededRandom(seed: seed)
        var ranges: [GuestRange] = []
        var place: UInt64 = UInt64.random(in: 0..<8, using: &random) * 8
        for _ in 0..<Int.random(in: 1...6, using: &random) {
            let byteCount = UInt64.random(in: 1...200, using: &random)
            ranges.append(try range(place, byteCount))
            // Half of the regions adjoin the next one, if that can start there.
            place = (place + byteCount + 7) / 8 * 8
            if Bool.random(using: &random) { place += 8 * UInt64.random(in: 0..<8, using: &random) }
        }
        let memory = try GuestMemory.anonymous(ranges, options: MappingOptions(dirtyPageByteCount: 32))
        var model = ReferenceMemory(ranges)
        let span = place + 64
        let label = "SEED=\(seed &- UInt64(run)) run \(run)"
        print(label)
        for step in 0..<500 {
            let address = random.next() % 50 == 0 ? UInt64.max - random.next() % 16 : random.next() % span
            let failure: String?
            switch random.next() % 8 {
            case 0: failure = try write(memory, &model, address, count: Int(random.next() % 100), &random)
            case 1: failure = try read(memory, model, address, count: Int(random.next() % 100))
            case 2: failure = store(memory, &model, address, UInt64.random(in: 0 ... .max, using: &random))
            case 3: failure = store(memory, &model, address, UInt16.random(in: 0 ... .max, using: &random))
            case 4: failure = load(memory, model, address, UInt32.self)
            case 5: failure = load(memory, model, address, UInt64.self)
            case 6: failure = load(memory, model, address, UInt8.self)
            default: failure = exchange(memory, &model, address, UInt32.random(in: 0 ... .max, using: &random))
            }
            if let failure {
                Issue.record("\(label) step \(step): \(failure)")
                return
            }
        }
        // Every byte, and every mark: what was written is marked (marks are never taken here).
        for range in ranges {
            let all = try memory.read(Int(range.byteCount), range.start.rawValue)
            let expected = model.read(range.start.rawValue, Int(range.byteCount))
            #expect(all == expected, "\(label)")
        }
        for region in memory.regions {
            let bitmap = try #require(region.dirtyBitmap)
            for page in 0..<bitmap.pageCount {
                let first = region.range.start.rawValue + page * 32
                let last = min(first + 32, region.range.end.rawValue)
                let isWritten = (first..<last).contains { (place: UInt64) in model.bytes[place] != nil }
                #expect(bitmap.isPageDirty(page) == isWritten, "\(label)")
            }
        }
    }

    @Test("random scripts of the fuzz target run through")
    func fuzz() {
        let seed = SeededRandom.seed()
        print("SEED=\(seed)")
        var random = SeededRandom(seed: seed)
        for _ in 0..<50 {
            let script = (0..<400).map { _ in UInt8.random(in: 0 ... .max, using: &random) }
            script.withUnsafeBytes { fuzzGuestMemory($0) }
        }
    }

    private func write(
        _ memory: GuestMemory, _ model: inout ReferenceMemory, _ address: UInt64, count: Int,
        _ random: inout SeededRandom
    ) throws -> String? {
        let data = pattern(count, from: Int(random.next() % 256))
        let expected = model.write(address, data)
        let done = (try? memory.writeSome(data, address)) ?? 0
        return done == expected ? nil : "write of \(count) at \(address): \(done), not \(expected)"
    }

    private func read(_ memory: GuestMemory, _ model: ReferenceMemory, _ address: UInt64, count: Int) throws -> String?
    {
        let expected = model.read(address, count)
        let done = (try? memory.readSome(count, address)) ?? []
        return done == expected ? nil : "read of \(count) at \(address): \(done), not \(expected)"
    }

    private func store<T: GuestInteger>(
        _ memory: GuestMemory, _ model: inout ReferenceMemory, _ address: UInt64, _ value: T
    ) -> String? {
        let data = withUnsafeBytes(of: value) { Array($0) }
        let expected = model.write(address, data)
        do throws(GuestMemoryError) {
            try memory.store(value, at: GuestAddress(address))
            return expected == data.count ? nil : "store at \(address) went through"
        } catch .unmapped {
            return expected == 0 ? nil : "store at \(address): unmapped"
        } catch .partial(_, _, let completed) {
            return UInt64(expected) == completed ? nil : "store at \(address): \(completed), not \(expected)"
        } catch {
            return "store at \(address): \(error)"
        }
    }

    private func load<T: GuestInteger>(
        _ memory: GuestMemory, _ model: ReferenceMemory, _ address: UInt64, _: T.Type
    ) -> String? {
        let expected = model.read(address, MemoryLayout<T>.size)
        guard let value = try? memory.load(T.self, at: GuestAddress(address)) else {
            return expected.count == MemoryLayout<T>.size ? "load at \(address) failed" : nil
        }
        return withUnsafeBytes(of: value) { Array($0) } == expected ? nil : "load at \(address): \(value)"
    }

    private func exchange(
        _ memory: GuestMemory, _ model: inout ReferenceMemory, _ address: UInt64, _ value: UInt32
    ) -> String? {
        let old = model.read(address, 4)
        guard let result = try? memory.atomicExchange(value, at: GuestAddress(address)) else {
            return old.count == 4 && address % 4 == 0 ? "exchange at \(address) failed" : nil
        }
        guard old.count == 4, address % 4 == 0 else { return "exchange at \(address) went through" }
        _ = model.write(address, withUnsafeBytes(of: value) { Array($0) })
        return withUnsafeBytes(of: result) { Array($0) } == old ? nil : "exchange at \(address): \(result)"
    }
}
