// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import VMMSysUtil

/// Private zeroed host memory straight from `mmap`: pages cost something only once they are written, so a hostile
/// size field costs nothing, and all of it goes back to the system at once.
final class HostBuffer {
    private let mapping: UnsafeMutableRawBufferPointer
    /// How many bytes from the start count as content.
    private(set) var byteCount: Int

    init(byteCount: UInt64) throws(KernelImageError) {
        guard let count = Int(exactly: byteCount), count > 0 else { throw .empty }
        guard let base = mmap(nil, count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
            base != MAP_FAILED
        else { throw .hostMemory(byteCount: byteCount, .last) }
        // Fewer page faults while unpacking; a kernel without huge pages says no, which changes nothing.
        madvise(base, count, MADV_HUGEPAGE)
        mapping = UnsafeMutableRawBufferPointer(start: base, count: count)
        self.byteCount = count
    }

    deinit { munmap(mapping.baseAddress, mapping.count) }

    /// The content. It is valid while this object lives: use it within `withExtendedLifetime`.
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: mapping[..<byteCount]) }

    /// All of it, for filling.
    var mutableBytes: UnsafeMutableRawBufferPointer { mapping }

    /// Keeps the first bytes only.
    func truncate(to count: Int) { byteCount = min(max(count, 0), mapping.count) }
}
