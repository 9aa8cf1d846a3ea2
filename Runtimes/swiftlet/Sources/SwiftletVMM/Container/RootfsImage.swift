// SPDX-License-Identifier: Apache-2.0
internal import Glibc
public import VMMSysUtil

/// The root of a container as a read-only EROFS image. One that is made of a directory is in a file without a name:
/// nothing is left behind however the VMM ends.
public enum RootfsImage {
    /// Opens an image that is there already, or makes one of a directory.
    ///
    /// - Parameter path: an EROFS image, or a directory that becomes the root.
    /// - Returns: the image, open for reading.
    public static func open(_ path: String) throws(RootfsError) -> FileDescriptor {
        do throws(Errno) {
            let file = try FileDescriptor.open(path, .readOnly)
            if try file.kind() != .directory {
                guard try isImage(file) else { throw Errno.invalidArgument }
                return file
            }
        } catch .invalidArgument {
            throw .notARoot(path)
        } catch {
            throw .root(path, error)
        }
        return try make(of: path)
    }

    /// EROFS's superblock is at 1024 and begins with its magic number (Documentation/filesystems/erofs).
    private static func isImage(_ file: borrowing FileDescriptor) throws(Errno) -> Bool {
        var magic: UInt32 = 0
        let count = try withUnsafeMutableBytes(of: &magic) { (bytes) throws(Errno) in
            try file.read(into: bytes, atOffset: 1024)
        }
        return count == 4 && UInt32(littleEndian: magic) == 0xE0F5_E1E2
    }

    /// Runs `mkfs.erofs`.
    private static func make(of directory: String) throws(RootfsError) -> FileDescriptor {
        let image = try unnamedFile()
        // mkfs.erofs opens its target by name; the name of an open descriptor is good for a file that has no other.
        let number = image.rawValue
        let tool = try run("mkfs.erofs", ["mkfs.erofs", "--quiet", "/proc/\(getpid())/fd/\(number)", directory])
        if tool != 0 { throw .tool(status: tool, directory: directory) }
        return image
    }

    private static func unnamedFile() throws(RootfsError) -> FileDescriptor {
        let directory = getenv("TMPDIR").map { String(cString: $0) } ?? "/var/tmp"
        do { return try FileDescriptor.temporaryFile(in: directory) } catch { throw .temporaryFile(directory, error) }
    }

    /// Runs a program with its output on our standard error.
    /// - Returns: its exit status; 128 and the signal if one ended it.
    private static func run(_ program: String, _ arguments: [String]) throws(RootfsError) -> Int32 {
        var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, 2, 1)
        var child: pid_t = 0
        let error = posix_spawnp(&child, program, &actions, nil, &pointers, environ)
        if error != 0 { throw .spawn(program, Errno(rawValue: error)) }
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0 && Glibc.errno == EINTR {}
        let signal = status & 0x7F
        return signal == 0 ? (status >> 8) & 0xFF : 128 + signal
    }
}

/// Why there is no image of the root.
public enum RootfsError: Error, Equatable {
    /// The directory or image cannot be opened.
    case root(String, Errno)
    /// What is there is neither a directory nor an EROFS image.
    case notARoot(String)
    /// No temporary file could be made there.
    case temporaryFile(String, Errno)
    /// The program could not be started.
    case spawn(String, Errno)
    /// `mkfs.erofs` failed; it said why on standard error.
    case tool(status: Int32, directory: String)
}

extension RootfsError: CustomStringConvertible {
    /// One line for the user, with what to do.
    public var description: String {
        switch self {
        case .root(let path, let error): "cannot use \(path) as the root: \(error)"
        case .notARoot(let path): "cannot use \(path) as the root: it is neither a directory nor an EROFS image"
        case .temporaryFile(let path, let error): "cannot make a temporary file in \(path) (set TMPDIR): \(error)"
        case .spawn(let program, let error): "cannot run \(program) (package erofs-utils): \(error)"
        case .tool(let status, let path): "mkfs.erofs ended with \(status) on \(path)"
        }
    }
}
