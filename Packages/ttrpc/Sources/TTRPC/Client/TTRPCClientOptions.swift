// SPDX-License-Identifier: Apache-2.0

/// How a client treats its server.
public struct TTRPCClientOptions: Sendable {
    /// Bytes of messages of one stream that were not read; then the connection waits for the reader. One message always has
    /// room.
    public var maximumStreamBytes = 1 << 20
    /// How long the connection waits for a stream's reader before it ends that stream with ResourceExhausted.
    public var streamPatience: Duration = .seconds(1)
    /// Stack of the thread that reads the connection, in bytes.
    public var stackByteCount = 256 << 10
    /// Runs first on that thread: where a program confines it, as it reads what the server sends.
    public var onThreadStart: @Sendable () -> Void = {}

    /// The defaults above.
    public init() {}
}
