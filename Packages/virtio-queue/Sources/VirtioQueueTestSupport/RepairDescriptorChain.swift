// SPDX-License-Identifier: Apache-2.0

/// Makes a legal queue of an input of `fuzzDescriptorChain`, in place, and leaves alone what is legal already.
///
/// For a mutator: most mutations of a queue break its first head, and the walk behind is never reached. One that repairs
/// three of four inputs comes to every rule with all the others held. The bytes stay as many.
public func repairDescriptorChain(_ bytes: UnsafeMutableRawBufferPointer) {
    var repair = ChainRepair(bytes)
    repair.run()
}

private struct ChainRepair {
    private let bytes: UnsafeMutableRawBufferPointer
    private let isPacked: Bool
    private let hasIndirect: Bool
    private let size: Int
    /// Entries of the table that indirect descriptors refer to.
    private var tableCount = 0

    init(_ bytes: UnsafeMutableRawBufferPointer) {
        self.bytes = bytes
        let head = bytes.count > 1 ? (bytes[0], bytes[1]) : (0, 0)
        // A slot of a packed ring that did not come was never offered.
        let slots = max(0, bytes.count - ChainFuzzInput.headerByteCount) / 16
        isPacked = head.1 & 16 != 0 && slots > 0
        hasIndirect = head.1 & 1 != 0
        size = isPacked ? min(Int(head.0 % 32) + 1, slots) : 1 << Int(head.0 % 6)
    }

    private static let next: UInt16 = 1
    private static let write: UInt16 = 2
    private static let indirect: UInt16 = 4
    private static let tablesAddress: UInt64 = 0x4000

    mutating func run() {
        let header = ChainFuzzInput.headerByteCount
        guard bytes.count >= header else { return }
        let table = isPacked ? header : header + 2 * size
        if !isPacked { bytes[1] &= ~16 }
        if isPacked {
            if Int(bytes[0] % 32) >= size { bytes[0] = UInt8(size - 1) }
            if Int(half(2) & 0x7fff) >= size { set(2, half(2) & 0x8000 | half(2) % UInt16(size)) }
        } else {
            if !(1...size).contains(Int(half(4))) { set(4, 1 + half(4) % UInt16(size)) }
            for at in stride(from: header, to: min(table, bytes.count - 1), by: 2) where Int(half(at)) >= size {
                set(at, half(at) % UInt16(size))
            }
        }
        let tables = table + 16 * size
        tableCount = min(size, max(0, bytes.count - tables) / 16)
        chains(at: tables, count: tableCount, isTable: true)
        chains(at: table, count: size, isTable: false)
    }

    /// Descriptors, each of which continues at most at the one behind it.
    private mutating func chains(at start: Int, count: Int, isTable: Bool) {
        // In a packed ring, and in its tables, id and flags have changed places.
        let flagsOffset = isPacked ? 14 : 12
        let first = isTable || !isPacked ? 0 : Int(half(2) & 0x7fff)
        let wrap = half(2) & 0x8000 != 0
        var follows = false
        var isWritable = false
        for step in 0..<max(0, count) {
            // The chains of a packed ring begin at its position and go on over its end.
            let index = (first + step) % count
            let at = start + 16 * index
            guard at + 16 <= bytes.count else {
                // What did not come is zero, which is an empty buffer.
                for rest in at..<max(at, bytes.count) { bytes[rest] = 0 }
                follows = false
                continue
            }
            var flags = half(at + flagsOffset) & 7
            if step + 1 == count || at + 32 > bytes.count { flags &= ~Self.next }
            if isTable || !hasIndirect || follows && (isPacked || isWritable) { flags &= ~Self.indirect }
            if flags & Self.indirect != 0 { flags &= ~Self.next }
            if follows && isWritable { flags |= Self.write }
            if flags & Self.indirect == 0 { buffer(at, isWritable: flags & Self.write != 0) } else { reference(at) }
            isWritable = flags & (Self.write | Self.indirect) == Self.write
            // A packed ring's table is one chain, whatever its flags say.
            follows = flags & Self.next != 0 || isPacked && isTable
            if isPacked && !isTable {
                // 2.8.1: AVAIL is the wrap counter of the slot's round, USED is not.
                flags |= (index >= first) == wrap ? 0x80 : 0x8000
            }
            if !isPacked && follows { set(at + 14, UInt16(index + 1)) }
            set(at + flagsOffset, flags)
        }
    }

    /// A buffer in memory that may be written, if it is not in any already.
    private func buffer(_ at: Int, isWritable: Bool) {
        let address = long(at)
        let byteCount = UInt64(word(at + 8))
        let (end, overflow) = address.addingReportingOverflow(byteCount)
        let isMapped =
            !overflow && (address >= 0x4000 && end <= 0x9000 || !isWritable && address >= 0xa000 && end <= 0xb000)
        if isMapped || byteCount == 0 { return }
        setLong(at, 0x5000 + address % 0x3f00)
        setWord(at + 8, UInt32(byteCount % 0x100))
    }

    /// The table of all entries.
    private func reference(_ at: Int) {
        setLong(at, Self.tablesAddress)
        setWord(at + 8, UInt32(16 * max(1, tableCount)))
    }

    private func half(_ at: Int) -> UInt16 { bytes.loadUnaligned(fromByteOffset: at, as: UInt16.self) }
    private func word(_ at: Int) -> UInt32 { bytes.loadUnaligned(fromByteOffset: at, as: UInt32.self) }
    private func long(_ at: Int) -> UInt64 { bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self) }
    private func set(_ at: Int, _ value: UInt16) {
        if at + 2 <= bytes.count { bytes.storeBytes(of: value, toByteOffset: at, as: UInt16.self) }
    }
    private func setWord(_ at: Int, _ value: UInt32) { bytes.storeBytes(of: value, toByteOffset: at, as: UInt32.self) }
    private func setLong(_ at: Int, _ value: UInt64) { bytes.storeBytes(of: value, toByteOffset: at, as: UInt64.self) }
}
