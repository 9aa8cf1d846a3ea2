// SPDX-License-Identifier: Apache-2.0
public import VMMSysUtil

/// Makes calls over one connection, from any number of threads at the same time.
///
/// A thread of its own reads the connection. Dropping the client closes it.
public final class TTRPCClient: Sendable {
    private let connection: ClientConnection
    private let options: TTRPCClientOptions

    /// A client on a connected stream socket. If there is no thread to read it, the client is closed from the beginning.
    public init(_ connection: consuming FileDescriptor, options: TTRPCClientOptions = .init()) {
        let shared = ClientConnection(connection, options: options)
        self.connection = shared
        self.options = options
        do throws(Errno) {
            _ = try Thread(name: "ttrpc-client", stackByteCount: options.stackByteCount) {
                options.onThreadStart()
                shared.run()
            }
        } catch {
            shared.close(TTRPCStatus(.unavailable, "no thread to read the connection: \(error)"))
        }
    }

    deinit { close() }

    /// Makes a call and waits for its answer.
    /// - Parameters:
    ///   - service: the full name, such as `containerd.task.v2.Task`.
    ///   - method: such as `Create`.
    ///   - request: the method's message, encoded.
    ///   - timeout: how long to wait; the server hears it too. Nil for ever.
    ///   - metadata: keys and values for the server.
    /// - Returns: the answer's message, encoded.
    /// - Throws: the server's status; Unavailable when the connection is or gets closed; DeadlineExceeded when the time is
    ///   over, though the server may still act on the call; ResourceExhausted for a message over 4 MiB.
    public func call(
        _ service: String, _ method: String, _ request: [UInt8], timeout: Duration? = nil,
        metadata: TTRPCMetadata = .init()
    ) throws(TTRPCStatus) -> [UInt8] {
        let deadline = try Self.deadline(timeout, method)
        let pending = PendingCall()
        let frame = try Self.frame(service, method, request, [], timeout, metadata)
        let id = try connection.open(frame, .call(pending), until: deadline)
        guard let result = pending.wait(until: deadline) else {
            connection.forget(id)
            throw TTRPCStatus(.deadlineExceeded, "\(method) was not answered within \(timeout ?? .zero)")
        }
        return try result.get()
    }

    /// Begins a call of several messages (protocol 1.2).
    /// - Parameters:
    ///   - service: the service's full name, such as `example.Greeter`.
    ///   - method: the method's name alone.
    ///   - request: the only message, where the method takes one; nil where the client sends any number with `send`.
    ///   - timeout: how long the whole stream may take.
    ///   - metadata: keys and values that go with the request.
    /// - Throws: as `call` does.
    public func stream(
        _ service: String, _ method: String, request: [UInt8]? = nil, timeout: Duration? = nil,
        metadata: TTRPCMetadata = .init()
    ) throws(TTRPCStatus) -> TTRPCClientStream {
        let deadline = try Self.deadline(timeout, method)
        let queue = MessageQueue(maximumByteCount: options.maximumStreamBytes)
        let flags: TTRPCFrameFlags = request == nil ? .remoteOpen : .remoteClosed
        let frame = try Self.frame(service, method, request ?? [], flags, timeout, metadata)
        let id = try connection.open(frame, .stream(queue), until: deadline)
        return TTRPCClientStream(
            client: self, connection: connection, id: id, queue: queue, deadline: deadline,
            isSending: request == nil)
    }

    /// Whether the connection is gone, so that no call can be made.
    public var isClosed: Bool { connection.closed != nil }

    /// Closes the connection. Calls that wait end with Unavailable; the server cancels them.
    public func close() { connection.close(TTRPCStatus(.unavailable, "the client is closed")) }

    private static func deadline(_ timeout: Duration?, _ method: String) throws(TTRPCStatus) -> Deadline? {
        guard let timeout else { return nil }
        guard timeout > .zero else { throw TTRPCStatus(.deadlineExceeded, "no time was left for \(method)") }
        return Deadline(after: timeout)
    }

    private static func frame(
        _ service: String, _ method: String, _ payload: [UInt8], _ flags: TTRPCFrameFlags, _ timeout: Duration?,
        _ metadata: TTRPCMetadata
    ) throws(TTRPCStatus) -> [UInt8] {
        let request = TTRPCRequest(
            service: service, method: method, payload: payload,
            // Less than a nanosecond is still a timeout, and 0 would mean none.
            timeoutNanoseconds: timeout.map { max(1, $0.nanoseconds) } ?? 0, metadata: metadata)
        guard let frame = request.frame(streamID: 0, flags: flags) else { throw .tooLong(payload.count) }
        return frame
    }
}
