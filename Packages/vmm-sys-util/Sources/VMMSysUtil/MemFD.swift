// SPDX-License-Identifier: Apache-2.0
internal import CVMMSysUtil
internal import Glibc

/// A file that lives in memory, made by `memfd_create(2)`: it can be mapped, passed to another process, sealed.
public struct MemFD: ~Copyable, Sendable {
    /// Restrictions that nobody can lift again.
    public struct Seals: OptionSet, Sendable {
        /// The bits of `F_ADD_SEALS`.
        public let rawValue: Int32
        /// Wraps bits of `F_ADD_SEALS`.
        public init(rawValue: Int32) { self.rawValue = rawValue }

        /// No further seals.
        public static let seal = Seals(rawValue: 0x1)
        /// The file cannot shrink, so a mapping of it cannot fault for that reason.
        public static let shrink = Seals(rawValue: 0x2)
        /// The file cannot grow.
        public static let grow = Seals(rawValue: 0x4)
        /// Nobody can write; refused with `.busy` while a writable shared mapping exists.
        public static let write = Seals(rawValue: 0x8)
        /// Nobody can write through anything but the mappings that exist.
        public static let futureWrite = Seals(rawValue: 0x10)
    }

    /// The size of the huge pages to take memory from.
    public enum HugePages: Sendable {
        /// The kernel's default size.
        case systemDefault
        /// 2 MiB pages.
        case twoMebibytes
        /// 1 GiB pages.
        case oneGibibyte
    }

    /// The descriptor, to map, to pass on, or to read and write.
    public let descriptor: FileDescriptor

    /// Makes a file of `byteCount` zero bytes, none of them allocated yet.
    ///
    /// - Parameters:
    ///   - name: shown in `/proc/self/maps`; up to 249 bytes, need not be unique.
    ///   - byteCount: the file's size.
    ///   - hugePages: takes the memory from the pool of huge pages; the size must be a multiple of theirs.
    ///   - allowsSealing: whether `addSeals` works later.
    public init(
        name: String, byteCount: UInt64, hugePages: HugePages? = nil, allowsSealing: Bool = true
    ) throws(Errno) {
        guard !name.utf8.contains(0) else { throw .invalidArgument }
        var flags: UInt32 = 0x1  // MFD_CLOEXEC
        if allowsSealing { flags |= 0x2 }  // MFD_ALLOW_SEALING
        switch hugePages {
        case nil: break
        case .systemDefault: flags |= 0x4  // MFD_HUGETLB
        case .twoMebibytes: flags |= 0x4 | 21 << 26  // MFD_HUGE_2MB: log2 of the size above MFD_HUGE_SHIFT
        case .oneGibibyte: flags |= 0x4 | 30 << 26
        }
        let file = try Syscall.memFD(name, flags: flags)
        try file.setByteCount(byteCount)
        descriptor = file
    }

    /// Restricts the file for ever.
    /// - Throws: `.notPermitted` if it was made without sealing or is sealed against seals.
    public borrowing func addSeals(_ seals: Seals) throws(Errno) {
        _ = try Syscall.control(descriptor.rawValue, 1033, seals.rawValue)  // F_ADD_SEALS
    }

    /// The restrictions in force.
    public borrowing func seals() throws(Errno) -> Seals {
        Seals(rawValue: try Syscall.control(descriptor.rawValue, 1034))  // F_GET_SEALS
    }
}
