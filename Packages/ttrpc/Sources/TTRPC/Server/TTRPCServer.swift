// SPDX-License-Identifier: Apache-2.0
internal import Glibc
public import VMMSysUtil

/// Serves the calls of any number of connections.
///
/// An idle connection costs one thread. Each active call has a thread of its own, from a pool that keeps a few, so a
/// handler may block; what a client may have active is bounded by the options.
public final class TTRPCServer: Sendable {
    private let core: ServerCore

    /// A server of these services. Of two with the same name the later counts.
    public init(services: [any TTRPCService], options: TTRPCServerOptions = .init()) {
        core = ServerCore(services: services, options: options)
    }

    deinit { core.beginShutdown() }

    /// Serves one client on the calling thread.
    ///
    /// Returns when the client is gone or the server shuts down. Handlers that still run then were told
    /// (`TTRPCCall.isCancelled`, `onCancel`); their answers go nowhere.
    /// - Parameter connection: a connected stream socket. Clients that end only their sending half are gone too.
    public func serve(_ connection: consuming FileDescriptor) {
        core.makeConnection(connection, isBounded: false)?.run()
    }

    /// Accepts connections on a thread of its own, and serves each on another, until `shutdown`.
    /// - Parameter listener: a listening stream socket; it is closed with the server.
    /// - Throws: why there is no thread or eventfd; `.cancelled` after `shutdown`.
    public func start(listener: consuming FileDescriptor) throws(Errno) {
        try core.start(listener)
    }

    /// Takes no new connections and calls from now on, and ends each connection when its active calls have their answers.
    /// Returns at once, so a handler may call it.
    public func beginShutdown() { core.beginShutdown() }

    /// Takes no new connections and calls, waits until the active ones have their answers, and ends all connections. After
    /// `TTRPCServerOptions.shutdownTimeout` those that are left are cancelled; a second later it returns in any case.
    ///
    /// A handler that calls this waits for itself: it calls `beginShutdown` instead.
    public func shutdown() { core.shutdown() }

    /// Waits until `beginShutdown` or `shutdown` was called somewhere.
    public func waitForShutdown() { core.waitForShutdown() }

    /// How many clients are connected, or have handlers that did not return yet.
    public var connectionCount: Int { core.connectionCount }
}
