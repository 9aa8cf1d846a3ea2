// SPDX-License-Identifier: Apache-2.0
internal import CBaseline
internal import Glibc
internal import VMMemory

/// Prints each figure beside volatile C (or the peer that the line names) on the same mapping. `MemoryBenchmarks [ROUNDS]`
@main
enum Main {
    static func main() throws {
        let rounds = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 201
        var sink: UInt64 = 0
        let base = GuestAddress(0x10_0000)
        let one = try ranges([(base.rawValue, 64 << 20)])
        let memory = try GuestMemory.anonymous(one, options: MappingOptions(prefault: .populateWrite))
        let host = memory.regions[0].hostAddress
        let small: UInt64 = 16 << 10
        let count: UInt64 = 100_000

        var table: [Comparison] = [
            Comparison(
                name: "load 8 bytes, independent, 16 KiB", count: count,
                ours: { sink &+= (try? load(memory, base, small - 8, $0)) ?? 0 },
                baseline: { sink &+= baseline_load(host, small - 8, $0) }, limit: 1.5),
            Comparison(
                name: "store 8 bytes, independent, 16 KiB", count: count,
                ours: { try? store(memory, base, small - 8, $0) },
                baseline: { baseline_store(host, small - 8, $0) }, limit: 1.5),
            Comparison(
                name: "load 8 bytes, scattered, 16 KiB", count: count,
                ours: { sink &+= (try? loadScattered(memory, base, small - 8, $0)) ?? 0 },
                baseline: { sink &+= baseline_load_scattered(host, small - 8, $0) }, limit: 1.5),
        ]

        // A ring of pointers in random order, once as guest addresses and once as host addresses.
        let ring = ringOrder(1024)
        let chaseBase = GuestAddress(base.rawValue + (1 << 20))
        let hostRing = host + (2 << 20)
        for index in 0..<ring.count {
            let next = UInt64(ring[(index + 1) % ring.count]) * 8
            try memory.store(chaseBase.rawValue + next, at: GuestAddress(chaseBase.rawValue + UInt64(ring[index]) * 8))
            hostRing.storeBytes(
                of: UInt64(UInt(bitPattern: hostRing)) + next, toByteOffset: ring[index] * 8, as: UInt64.self)
        }
        table.append(
            Comparison(
                name: "load 8 bytes, each address from the last (chase)", count: count,
                ours: { sink &+= (try? chase(memory, chaseBase, $0)) ?? 0 },
                baseline: { sink &+= baseline_chase(hostRing, $0) }, limit: 1.5))

        if let rust = RustPeer(host: host, base: base.rawValue, byteCount: 64 << 20) {
            table += [
                Comparison(
                    name: "load 8 bytes, against the Rust crate", count: count,
                    ours: { sink &+= (try? load(memory, base, small - 8, $0)) ?? 0 },
                    baseline: { sink &+= rust.load(rust.memory, base.rawValue, small - 8, $0) }),
                Comparison(
                    name: "store 8 bytes, against the Rust crate", count: count,
                    ours: { try? store(memory, base, small - 8, $0) },
                    baseline: { rust.store(rust.memory, base.rawValue, small - 8, $0) }),
                Comparison(
                    name: "chase, against the Rust crate", count: count,
                    ours: { sink &+= (try? chase(memory, chaseBase, $0)) ?? 0 },
                    baseline: { sink &+= rust.chase(rust.memory, chaseBase.rawValue, $0) }),
            ]
        } else {
            print("without the Rust crate: needs cargo, librust-vm-memory-dev and ./run")
        }

        let slice = try memory.slice(at: base, byteCount: small)
        table.append(
            Comparison(
                name: "load 8 bytes from a VolatileSlice", count: count,
                ours: { sink &+= (try? loadSlice(slice, small - 8, $0)) ?? 0 },
                baseline: { sink &+= baseline_load(host, small - 8, $0) }))
        table.append(
            Comparison(
                name: "atomic or, 8 bytes", count: count,
                ours: { sink &+= (try? atomicOr(memory, base, small - 8, $0)) ?? 0 },
                baseline: { sink &+= baseline_fetch_or(host, small - 8, $0) }))
        table.append(
            Comparison(
                name: "read a descriptor of 16 bytes, against two loads", count: count,
                ours: { sink &+= (try? loadDescriptors(memory, base, small - 16, $0)) ?? 0 },
                baseline: { sink &+= baseline_load_pair(host, small - 16, $0) }))
        var vectors = IOVecs()
        table.append(
            Comparison(
                name: "host view of 8 bytes into an IOVecs", count: count,
                ours: { sink &+= (try? collect(memory, base, &vectors, small - 8, $0)) ?? 0 },
                baseline: { sink &+= baseline_load(host, small - 8, $0) }))

        // Two regions, as below and above the gap at 4 GiB; the smaller one is not the fast one.
        let two = try GuestMemory.anonymous(
            ranges([(0x10_0000, 1 << 20), (1 << 32, 2 << 20)]), options: MappingOptions(prefault: .populateWrite))
        let lower = two.regions[0].hostAddress
        table.append(
            Comparison(
                name: "load 8 bytes, second of two regions", count: count,
                ours: { sink &+= (try? load(two, base, small - 8, $0)) ?? 0 },
                baseline: { sink &+= baseline_load(lower, small - 8, $0) }))
        let many = try GuestMemory.anonymous(
            ranges((0..<256).map { (UInt64($0) << 21, 1 << 20) }), options: MappingOptions())
        let last = GuestAddress(255 << 21)
        try many.fill(1, at: last, byteCount: small)
        let lastHost = many.regions[255].hostAddress
        table.append(
            Comparison(
                name: "load 8 bytes, last of 256 regions", count: count,
                ours: { sink &+= (try? load(many, last, small - 8, $0)) ?? 0 },
                baseline: { sink &+= baseline_load(lastHost, small - 8, $0) }))

        let tracked = try GuestMemory.anonymous(
            one, options: MappingOptions(prefault: .populateWrite, dirtyPageByteCount: 4096))
        let trackedHost = tracked.regions[0].hostAddress
        let bits = UnsafeMutableRawPointer.allocate(byteCount: 4096, alignment: 64)
        bits.initializeMemory(as: UInt8.self, repeating: 0, count: 4096)
        table.append(
            Comparison(
                name: "store 8 bytes and mark the page dirty", count: count,
                ours: { try? store(tracked, base, small - 8, $0) },
                baseline: { baseline_store_and_mark(trackedHost, bits, small - 8, $0) }))

        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 65536, alignment: 64)
        for (size, mask) in [(64, small - 64), (512, small - 512), (4096, small - 4096), (65536, (1 << 20) - 65536)] {
            let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<size])
            table.append(
                Comparison(
                    name: "read \(size) bytes, against memcpy", count: UInt64(max(100, 2_000_000 / size)),
                    ours: { try? copyOut(memory, base, part, UInt64(mask), $0) },
                    baseline: { baseline_copy(part.baseAddress, host, size, UInt64(mask), $0) }))
        }

        print(row("", "VMMemory ns", "peer ns", "ratio", "limit", "heap bytes"))
        var missed = 0
        for (comparison, outcome) in zip(table, measure(table, rounds: rounds)) {
            if let limit = comparison.limit, outcome.ratio > limit { missed += 1 }
            print(
                row(
                    comparison.name, fixed(outcome.ours), fixed(outcome.baseline), fixed(outcome.ratio),
                    comparison.limit.map { "<= \(fixed($0))" } ?? "", "\(outcome.heapGrowth)"))
        }
        print("medians of \(rounds) interleaved rounds; heap bytes: growth over all accesses of a line")
        if missed > 0 { print("\(missed) limits missed") }
        if sink == 1 { print("") }
    }

    static func ranges(_ list: [(UInt64, UInt64)]) throws -> [GuestRange] {
        list.compactMap { GuestRange(start: GuestAddress($0.0), byteCount: $0.1) }
    }

    /// The numbers below `count` in a random but fixed order.
    static func ringOrder(_ count: Int) -> [Int] {
        var order = Array(0..<count)
        var state: UInt64 = 42
        for index in stride(from: count - 1, to: 0, by: -1) {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            order.swapAt(index, Int((state >> 33) % UInt64(index + 1)))
        }
        return order
    }

    static func fixed(_ value: Double) -> String {
        let hundredths = Int((value * 100).rounded())
        let fraction = hundredths % 100
        return "\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction)"
    }

    static func row(_ columns: String...) -> String {
        let widths = [50, 13, 10, 8, 9, 11]
        var line = ""
        for (index, (column, width)) in zip(columns, widths).enumerated() {
            let padding = String(repeating: " ", count: max(0, width - column.count))
            line += index == 0 ? column + padding : padding + column
        }
        return line
    }
}
