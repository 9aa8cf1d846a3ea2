// SPDX-License-Identifier: Apache-2.0
internal import CVirtioDevices
internal import Glibc
public import VMMSysUtil
public import VMMemory

/// A file or a block device as a disk, byte for byte.
///
/// The content is never looked at: a guest can write any header into its disk, and a format that was recognised by
/// itself would let it name other files of the host.
public final class FileDisk: Disk {
    private let file: FileDescriptor
    /// The file's size when it was opened here, rounded down to whole sectors.
    public let byteCount: UInt64
    /// Whether the caller asked for it, or the descriptor is not open for writing.
    public let isReadOnly: Bool

    /// Takes over a descriptor of a regular file or a block device that is open for reading, or for both.
    /// - Throws: `.invalidArgument` for another kind of file, `.badFileDescriptor` for one that is not open for reading.
    public init(adopting file: consuming FileDescriptor, isReadOnly: Bool) throws(Errno) {
        let number = file.rawValue
        var info = stat()
        try retryOnInterrupt { fstat(number, &info) }
        let kind = info.st_mode & S_IFMT
        guard kind == S_IFREG || kind == S_IFBLK else { throw .invalidArgument }
        let access = try retryOnInterrupt { fcntl(number, F_GETFL) } & O_ACCMODE
        guard access != O_WRONLY else { throw .badFileDescriptor }
        // st_size is 0 for a block device. The position does not matter: every transfer names its own.
        let end = try retryOnInterrupt { lseek(number, 0, SEEK_END) }
        byteCount = (UInt64(exactly: end) ?? 0) & ~511
        self.isReadOnly = isReadOnly || access == O_RDONLY
        self.file = file
    }

    /// Takes any descriptor at its word, as a test needs that has transfers wait or fail.
    package init(unchecked file: consuming FileDescriptor, byteCount: UInt64, isReadOnly: Bool) {
        self.byteCount = byteCount
        self.isReadOnly = isReadOnly
        self.file = file
    }

    /// A ring for the file.
    func makeRing(capacity: Int) throws(IOUringError) -> IOUring { try IOUring(for: file, capacity: capacity) }

    /// At most this many pieces in one call (`IOV_MAX`).
    private static let piecesMax = 1024

    private func transfer(
        at byteOffset: UInt64, _ pieces: inout IOVecs, _ call: (UnsafePointer<iovec>, Int32, off_t) -> Int
    ) throws(Errno) {
        var position = byteOffset
        while pieces.byteCount > 0 {
            guard let offset = off_t(exactly: position) else { throw .invalidArgument }
            let pointer = pieces.pointer
            let count = Int32(min(pieces.count, Self.piecesMax))
            let done = try retryOnInterrupt { call(pointer, count, offset) }
            // The file was cut short behind our back.
            guard done > 0 else { throw .inputOutput }
            pieces.removeFirst(byteCount: UInt64(done))
            position &+= UInt64(done)
        }
    }

    /// Reads with `preadv`, straight to where the pieces are.
    public func read(at byteOffset: UInt64, into pieces: inout IOVecs) throws(Errno) {
        let number = file.rawValue
        try transfer(at: byteOffset, &pieces) { preadv(number, $0, $1, $2) }
    }

    /// Writes with `pwritev`, straight from where the pieces are.
    public func write(_ pieces: inout IOVecs, at byteOffset: UInt64) throws(Errno) {
        guard !isReadOnly else { throw .notPermitted }
        let number = file.rawValue
        try transfer(at: byteOffset, &pieces) { pwritev(number, $0, $1, $2) }
    }

    /// `fdatasync`: the data, and of the metadata what is needed to find it.
    public func flush() throws(Errno) {
        let number = file.rawValue
        try retryOnInterrupt { fdatasync(number) }
    }

    /// Punches a hole; the file keeps its size. A file system without holes keeps the data.
    public func discard(at byteOffset: UInt64, byteCount: UInt64) throws(Errno) {
        _ = try allocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, byteOffset, byteCount)
    }

    /// Zeros the range without writing it where the file system can, else by writing.
    @discardableResult
    public func writeZeroes(at byteOffset: UInt64, byteCount: UInt64, mayUnmap: Bool) throws(Errno) -> UInt64 {
        let mode = mayUnmap ? FALLOC_FL_PUNCH_HOLE : FALLOC_FL_ZERO_RANGE
        if try allocate(mode | FALLOC_FL_KEEP_SIZE, byteOffset, byteCount) { return 0 }
        var left = byteCount
        var position = byteOffset
        let number = file.rawValue
        let zeros = [UInt8](repeating: 0, count: Int(min(left, 65536)))
        while left > 0 {
            guard let offset = off_t(exactly: position) else { throw .invalidArgument }
            let count = Int(min(left, UInt64(zeros.count)))
            let done = try retryOnInterrupt { pwrite(number, zeros, count, offset) }
            guard done > 0 else { throw .inputOutput }
            left &-= UInt64(done)
            position &+= UInt64(done)
        }
        return byteCount
    }

    /// - Returns: false if the file system cannot do it.
    private func allocate(_ mode: Int32, _ byteOffset: UInt64, _ byteCount: UInt64) throws(Errno) -> Bool {
        guard !isReadOnly else { throw .notPermitted }
        guard byteCount > 0 else { return true }
        guard let offset = Int(exactly: byteOffset), let length = Int(exactly: byteCount) else {
            throw .invalidArgument
        }
        let number = file.rawValue
        do throws(Errno) {
            try retryOnInterrupt { fallocate(number, mode, offset, length) }
            return true
        } catch {
            guard error.rawValue == EOPNOTSUPP || error == .noSuchSystemCall else { throw error }
            return false
        }
    }
}
