// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import VMMSysUtil

/// A socket that programs find at a path. Its file goes with it, unless somebody put another one there.
struct SocketFile: ~Copyable {
    let socket: FileDescriptor
    private let path: String
    /// nil if the file is none of ours.
    private let identity: FileIdentity?

    /// Makes the socket, for its owner alone, and listens.
    /// - Parameter path: must not exist.
    init(_ path: String, _ style: SocketPair.Style, backlog: Int32) throws(UnixSocketError) {
        do throws(Errno) {
            socket = try UnixSocket.listen(path, style, backlog: backlog, isBlocking: false)
        } catch {
            throw .listen(path, error)
        }
        self.path = path
        identity = FileIdentity(path)
    }

    /// Takes over a socket that listens already, and leaves its file alone.
    /// - Parameter path: for errors.
    init(listening socket: consuming FileDescriptor, path: String) throws(UnixSocketError) {
        do throws(Errno) { try socket.setNonBlocking() } catch { throw .listen(path, error) }
        self.socket = socket
        self.path = path
        identity = nil
    }

    deinit {
        if let identity, FileIdentity(path) == identity { unlink(path) }
    }
}

/// Which file a path names.
private struct FileIdentity: Equatable {
    let device: UInt64
    let inode: UInt64

    init?(_ path: String) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return nil }
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
    }
}
