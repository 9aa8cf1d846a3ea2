// SPDX-License-Identifier: Apache-2.0

/// How much a server does at once.
public struct TTRPCServerOptions: Sendable {
    /// Calls of one connection at the same time, each with a thread; the next is answered ResourceExhausted.
    public var maximumCalls = 512
    /// Connections that a listener accepts at the same time; the next is closed at once.
    public var maximumConnections = 128
    /// Bytes of requests and stream messages that one connection may have here; what is over is thrown away and answered
    /// ResourceExhausted.
    public var maximumPendingBytes = 64 << 20
    /// Bytes of messages of one stream that its handler has not read; then the connection waits for the handler. One message
    /// always has room.
    public var maximumStreamBytes = 1 << 20
    /// How long a connection waits for a stream's handler to read before it ends that stream with ResourceExhausted.
    public var streamPatience: Duration = .seconds(1)
    /// Stack of a thread that runs a call, in bytes; only what is used takes memory.
    public var stackByteCount = 256 << 10
    /// How long `shutdown` waits for active calls before it cancels them.
    public var shutdownTimeout: Duration = .seconds(10)

    /// The defaults above.
    public init() {}
}
