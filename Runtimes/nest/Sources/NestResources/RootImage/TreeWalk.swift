// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import VMMSysUtil

/// Whether a directory has anything in it.
func hasEntries(_ path: String) throws(RootImageError) -> Bool {
    guard !path.utf8.contains(0), let directory = opendir(path) else {
        throw .file(operation: "read", path: path, .last)
    }
    defer { closedir(directory) }
    while let entry = readdir(directory) {
        if !entry.pointee.isDots { return true }
    }
    return false
}

/// Counts what a tree holds before anything is built of it, and stops as soon as it is too much.
///
/// Directories are opened from their parent, which no limit on paths bounds: a tree deeper than `depthLimit` is refused, as
/// each level holds a descriptor.
struct TreeWalk {
    /// The configured limits.
    let byteLimit: UInt64
    let fileLimit: Int
    let deadline: Deadline
    /// What was found.
    private(set) var bytes: UInt64 = 0
    private(set) var files = 0
    /// Hard links count once.
    private var linked: Set<Inode> = []

    private struct Inode: Hashable {
        var device: UInt
        var number: UInt
    }

    /// Why the count stopped.
    enum Excess: Error, Equatable {
        case bytes, files, time, name
        case failed(Errno)
    }

    /// The longest name that `mkfs.erofs` takes: 1.5 cuts one of 255 bytes by its last, and then misses the file or takes
    /// another one for it.
    private static let nameLimit = 254
    /// The deepest tree. `mkfs.erofs` recurses, and keeps whole paths of at most PATH_MAX.
    private static let depthLimit = 1000

    init(byteLimit: UInt64, fileLimit: Int, deadline: Deadline) {
        self.byteLimit = byteLimit
        self.fileLimit = fileLimit
        self.deadline = deadline
    }

    /// Counts a tree.
    mutating func count(_ path: String) throws(Excess) {
        let number = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard number >= 0, let root = fdopendir(number) else { throw .failed(.last) }
        var open = [root]
        defer { for directory in open { closedir(directory) } }
        while let directory = open.last {
            guard let entry = readdir(directory) else {
                closedir(directory)
                open.removeLast()
                continue
            }
            if entry.pointee.isDots { continue }
            files += 1
            if files > fileLimit { throw .files }
            if files % 1024 == 0 && deadline.hasPassed { throw .time }
            var status = stat()
            let name = entry.pointee.nameBytes
            guard name.count - 1 <= Self.nameLimit else { throw .name }
            guard fstatat(dirfd(directory), name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { throw .failed(.last) }
            switch status.st_mode & S_IFMT {
            case S_IFDIR:
                guard open.count < Self.depthLimit else { throw .failed(.nameTooLong) }
                let child = openat(dirfd(directory), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
                guard child >= 0 else { throw .failed(.last) }
                guard let below = fdopendir(child) else {
                    let error = Errno.last
                    close(child)
                    throw .failed(error)
                }
                open.append(below)
            case S_IFREG:
                if status.st_nlink > 1,
                    !linked.insert(Inode(device: UInt(status.st_dev), number: UInt(status.st_ino))).inserted
                {
                    continue
                }
                bytes = bytes.addingReportingOverflow(UInt64(clamping: status.st_size)).partialValue
                if bytes > byteLimit || UInt64(clamping: status.st_size) > byteLimit { throw .bytes }
            default: continue
            }
        }
    }
}

extension dirent {
    fileprivate var isDots: Bool {
        let name = d_name
        return name.0 == 0x2E && (name.1 == 0 || (name.1 == 0x2E && name.2 == 0))
    }

    /// The name with its NUL, as system calls take it.
    fileprivate var nameBytes: [CChar] {
        withUnsafeBytes(of: d_name) { bytes in bytes.prefix { $0 != 0 }.map { CChar(bitPattern: $0) } + [0] }
    }
}
