// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// How to open a file; combine one access mode with any of the others.
public struct OpenFlags: OptionSet, Sendable {
    /// The bits of `open(2)`.
    public let rawValue: Int32
    /// Wraps bits of `open(2)` that have no name here.
    public init(rawValue: Int32) { self.rawValue = rawValue }

    /// Reading alone, which is the absence of `writeOnly` and `readWrite`.
    public static let readOnly = OpenFlags([])
    /// Writing alone.
    public static let writeOnly = OpenFlags(rawValue: O_WRONLY)
    /// Reading and writing.
    public static let readWrite = OpenFlags(rawValue: O_RDWR)
    /// Makes the file if it is missing.
    public static let create = OpenFlags(rawValue: O_CREAT)
    /// With `create`: fails with `.exists` if it is there.
    public static let exclusive = OpenFlags(rawValue: O_EXCL)
    /// Empties the file.
    public static let truncate = OpenFlags(rawValue: O_TRUNC)
    /// Every write goes to the end.
    public static let append = OpenFlags(rawValue: O_APPEND)
    /// Reads and writes answer `.wouldBlock` instead of waiting.
    public static let nonBlocking = OpenFlags(rawValue: O_NONBLOCK)
    /// Fails unless it is a directory.
    public static let directory = OpenFlags(rawValue: O_DIRECTORY)
    /// Fails with `.tooManySymbolicLinks` if the last component is a symbolic link.
    public static let noFollow = OpenFlags(rawValue: O_NOFOLLOW)
    /// A terminal opened does not become the controlling one.
    public static let noControllingTerminal = OpenFlags(rawValue: O_NOCTTY)
    /// A write ends when data and the metadata needed to read it are on the disk.
    public static let dataSync = OpenFlags(rawValue: O_DSYNC)
}

extension FileDescriptor {
    /// Opens a file, close-on-exec.
    ///
    /// - Parameters:
    ///   - path: relative to the working directory, or absolute.
    ///   - flags: the access mode and its modifiers.
    ///   - mode: the permissions of a file that `create` makes, before the umask.
    public static func open(
        _ path: String, _ flags: OpenFlags = .readOnly, mode: UInt32 = 0o600
    ) throws(Errno) -> FileDescriptor {
        // A NUL would silently cut the path that the kernel sees.
        guard !path.utf8.contains(0) else { throw .invalidArgument }
        return try Syscall.open(path, flags: flags.rawValue, mode: mode)
    }

    /// Makes an empty file that has no name and vanishes with its last descriptor.
    /// - Parameter directory: an existing directory of the file system that is to hold it.
    public static func temporaryFile(in directory: String = "/tmp") throws(Errno) -> FileDescriptor {
        guard !directory.utf8.contains(0) else { throw .invalidArgument }
        do throws(Errno) {
            // O_TMPFILE is __O_TMPFILE | O_DIRECTORY; Swift does not import the macro.
            return try Syscall.open(directory, flags: 0o20000000 | O_DIRECTORY | O_RDWR | O_EXCL, mode: 0o600)
        } catch {
            // Overlay before 6.1 and NFS lack it and answer one of these.
            guard error == .notSupported || error == .isADirectory || error == .noSuchFile else { throw error }
        }
        var template = Array((directory + "/.vmm-XXXXXX").utf8CString)
        return try Syscall.unlinkedFile(&template)
    }
}
