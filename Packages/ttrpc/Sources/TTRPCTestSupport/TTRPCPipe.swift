// SPDX-License-Identifier: Apache-2.0
internal import Glibc
public import TTRPC
public import VMMSysUtil

/// Connections without a file system: two ends of a socket pair.
public enum TTRPCPipe {
    /// Makes a connected pair of stream sockets and hands both ends over.
    public static func withPair<Result: ~Copyable>(
        _ body: (consuming FileDescriptor, consuming FileDescriptor) throws -> Result
    ) throws -> Result {
        let (first, second) = try pair()
        return try body(FileDescriptor(owning: first), FileDescriptor(owning: second))
    }

    /// A client of a server, which serves it on a thread of its own.
    public static func client(
        of server: TTRPCServer, options: TTRPCClientOptions = .init()
    ) throws(Errno) -> TTRPCClient {
        let (first, second) = try pair()
        let client = TTRPCClient(FileDescriptor(owning: first), options: options)
        try serve(second, on: server)
        return client
    }

    /// The raw end of a connection to a server, which serves it on a thread of its own.
    public static func peer(of server: TTRPCServer) throws(Errno) -> RawPeer {
        let (first, second) = try pair()
        let peer = RawPeer(FileDescriptor(owning: first))
        try serve(second, on: server)
        return peer
    }

    /// A client whose server is the raw end.
    public static func clientAndPeer(
        options: TTRPCClientOptions = .init()
    ) throws(Errno) -> (client: TTRPCClient, peer: RawPeer) {
        let (first, second) = try pair()
        return (
            TTRPCClient(FileDescriptor(owning: first), options: options), RawPeer(FileDescriptor(owning: second))
        )
    }

    private static func serve(_ socket: Int32, on server: TTRPCServer) throws(Errno) {
        // A box: a closure that escapes cannot give away what it captures.
        let end = EndBox(FileDescriptor(owning: socket))
        _ = try Thread(name: "pipe-server", stackByteCount: 256 << 10) {
            if let socket = end.take() { server.serve(socket) }
        }
    }

    private static func pair() throws(Errno) -> (Int32, Int32) {
        var ends: [Int32] = [-1, -1]
        try retryOnInterrupt {
            socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &ends)
        }
        return (ends[0], ends[1])
    }
}
