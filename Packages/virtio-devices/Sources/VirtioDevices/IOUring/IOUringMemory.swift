// SPDX-License-Identifier: Apache-2.0
internal import CVirtioDevices
internal import Glibc
internal import VMMSysUtil

/// What a ring shares with the kernel, mapped: the kernel gives the places, and nobody else can write them.
struct IOUringMemory: ~Copyable {
    private let rings: UnsafeMutableRawPointer
    private let ringsByteCount: Int
    private let entriesByteCount: Int
    /// The entries, by index.
    let entries: UnsafeMutableRawPointer
    /// How many entries the kernel has taken, and how many there are.
    let entriesHead: UnsafeMutablePointer<UInt32>
    let entriesTail: UnsafeMutablePointer<UInt32>
    /// The completions, by index.
    let completions: UnsafeMutableRawPointer
    /// How many completions were taken, and how many there are.
    let completionsHead: UnsafeMutablePointer<UInt32>
    let completionsTail: UnsafeMutablePointer<UInt32>

    init(_ ring: borrowing FileDescriptor, _ layout: vmm_ring_layout) throws(IOUringError) {
        let ringsByteCount = Int(clamping: layout.ring_bytes)
        let entriesByteCount = Int(clamping: layout.entries_bytes)
        let rings = try Self.map(ring, ringsByteCount, layout.ring_offset)
        let entries: UnsafeMutableRawPointer
        do throws(IOUringError) {
            entries = try Self.map(ring, entriesByteCount, layout.entries_offset)
        } catch {
            munmap(rings, ringsByteCount)
            throw error
        }
        func word(_ offset: UInt32) -> UnsafeMutablePointer<UInt32> {
            (rings + Int(offset)).assumingMemoryBound(to: UInt32.self)
        }
        self.rings = rings
        self.ringsByteCount = ringsByteCount
        self.entriesByteCount = entriesByteCount
        self.entries = entries
        entriesHead = word(layout.sq_head)
        entriesTail = word(layout.sq_tail)
        completions = rings + Int(layout.cqes)
        completionsHead = word(layout.cq_head)
        completionsTail = word(layout.cq_tail)
        // Between the ring and the entries the kernel has a table; here entry and place in the ring are the same.
        let table = word(layout.sq_array)
        for index in 0..<layout.entries { table[Int(index)] = index }
    }

    deinit {
        munmap(entries, entriesByteCount)
        munmap(rings, ringsByteCount)
    }

    private static func map(
        _ ring: borrowing FileDescriptor, _ byteCount: Int, _ offset: UInt64
    ) throws(IOUringError) -> UnsafeMutableRawPointer {
        let flags = MAP_SHARED | MAP_POPULATE
        guard
            let base = mmap(nil, byteCount, PROT_READ | PROT_WRITE, flags, ring.rawValue, off_t(clamping: offset)),
            base != MAP_FAILED
        else { throw .refused(.map, .last) }
        return base
    }
}
