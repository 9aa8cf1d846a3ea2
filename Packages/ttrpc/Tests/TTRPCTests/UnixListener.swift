// SPDX-License-Identifier: Apache-2.0
import Glibc
import TTRPC
import VMMSysUtil

/// A listening Unix socket whose name (in the abstract namespace) vanishes with it.
final class UnixListener {
    private var socket: Int32
    private let address: sockaddr_un

    init() throws {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let number = UInt64.random(in: 0...UInt64.max)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.storeBytes(of: number, toByteOffset: 1, as: UInt64.self) }
        self.address = address
        socket = try retryOnInterrupt { Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0) }
        let listener = socket
        try retryOnInterrupt { with(address) { bind(listener, $0, $1) } }
        try retryOnInterrupt { listen(listener, 16) }
    }

    /// Hands the listening socket over.
    func take() throws -> FileDescriptor { FileDescriptor(owning: socket) }

    func connect() throws -> FileDescriptor {
        let end = FileDescriptor(owning: try retryOnInterrupt { Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0) })
        let number = end.rawValue
        try retryOnInterrupt { with(address) { Glibc.connect(number, $0, $1) } }
        return end
    }

    /// Whether anybody listens.
    var isOpen: Bool {
        do { _ = try connect() } catch { return false }
        return true
    }

    func client() throws -> TTRPCClient { TTRPCClient(try connect()) }
}

private func with(_ address: sockaddr_un, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
    withUnsafePointer(to: address) {
        // The family, a NUL, and eight bytes of name.
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, 11) }
    }
}
