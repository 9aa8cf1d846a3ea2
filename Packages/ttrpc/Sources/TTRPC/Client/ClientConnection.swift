// SPDX-License-Identifier: Apache-2.0
internal import VMMSysUtil

/// A client's side of a connection: who waits for which stream, and the thread that reads for all of them.
final class ClientConnection: Sendable {
    /// Who waits for an answer.
    enum Waiter {
        case call(PendingCall)
        case stream(MessageQueue)

        func fail(_ status: TTRPCStatus) {
            switch self {
            case .call(let call): call.complete(.failure(status))
            case .stream(let queue): queue.fail(status)
            }
        }
    }

    private struct State {
        var nextID: UInt32? = 1
        var waiters: [UInt32: Waiter] = [:]
        /// Why no call can be made any more.
        var closed: TTRPCStatus?
    }

    private static let bufferByteCount = 64 << 10

    let channel: Channel
    private let options: TTRPCClientOptions
    private let state = Monitor(State())

    init(_ socket: consuming FileDescriptor, options: TTRPCClientOptions) {
        channel = Channel(socket)
        self.options = options
    }

    /// Why no call can be made any more; nil while the connection lives.
    var closed: TTRPCStatus? { state.withLock { $0.closed } }

    /// Ends the connection: everybody who waits gets the status.
    func close(_ status: TTRPCStatus) {
        let waiters = state.withLock { state in
            if state.closed == nil { state.closed = status }
            defer { state.waiters = [:] }
            return state.waiters
        }
        channel.shutdown()
        for waiter in waiters.values { waiter.fail(status) }
    }

    // MARK: - Out

    /// Opens a stream with a request frame whose stream id is not set yet. Ids must reach the server in order, so the frame
    /// gets its own when it is its turn to be sent.
    /// - Returns: the id.
    func open(_ frame: [UInt8], _ waiter: Waiter, until deadline: Deadline?) throws(TTRPCStatus) -> UInt32 {
        var opened: UInt32?
        do throws(Channel.SendError) {
            try channel.send(frame, until: deadline) { frame in
                opened = self.register(waiter)
                guard let id = opened else { return false }
                TTRPCFrameHeader.set(streamID: id, in: &frame)
                return true
            }
        } catch {
            if let opened { forget(opened) }
            throw status(of: error)
        }
        guard let opened else { throw closed ?? TTRPCStatus(.unavailable, "the connection is closed") }
        return opened
    }

    private func register(_ waiter: Waiter) -> UInt32? {
        state.withLock { state in
            guard state.closed == nil else { return nil }
            guard let id = state.nextID else {
                state.closed = TTRPCStatus(.unavailable, "the connection's stream ids are used up: connect again")
                return nil
            }
            let (next, isOver) = id.addingReportingOverflow(2)
            state.nextID = isOver ? nil : next
            state.waiters[id] = waiter
            return id
        }
    }

    /// Nobody waits for a stream any more; what still comes on it is dropped.
    /// - Returns: whether it was not over.
    @discardableResult
    func forget(_ id: UInt32) -> Bool { state.withLock { $0.waiters.removeValue(forKey: id) != nil } }

    func status(of error: Channel.SendError) -> TTRPCStatus {
        switch error {
        case .timedOut: TTRPCStatus(.deadlineExceeded, "the server did not take the message within the call's time")
        case .closed(let cause): closed ?? TTRPCStatus(.unavailable, "the connection to the server is gone: \(cause)")
        }
    }

    // MARK: - In

    /// Reads until the connection ends.
    func run() {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.bufferByteCount, alignment: 16)
        defer { buffer.deallocate() }
        var parser = TTRPCFrameParser()
        while true {
            switch channel.receive(into: buffer) {
            case .timedOut: continue
            case .ended(let error):
                return close(
                    TTRPCStatus(
                        .unavailable, "the connection to the server is gone" + (error.map { ": \($0)" } ?? "")))
            case .bytes(let count):
                let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
                var position = 0
                while let event = parser.next(bytes, from: &position) { handle(event) }
            }
        }
    }

    private func handle(_ event: TTRPCFrameParser.Event) {
        switch event {
        case .refused(let header):
            guard header.kind == .response || header.kind == .data else { return }
            take(header.streamID)?.fail(.tooLong(Int(header.dataByteCount)))
        case .frame(let frame):
            switch frame.header.kind {
            case .response: handleResponse(frame)
            case .data: handleData(frame)
            default: break
            }
        }
    }

    private func take(_ id: UInt32) -> Waiter? { state.withLock { $0.waiters.removeValue(forKey: id) } }

    /// An answer to nobody is dropped: its caller gave up, or the server answers twice.
    private func handleResponse(_ frame: TTRPCFrame) {
        guard let waiter = take(frame.header.streamID) else { return }
        let response: TTRPCResponse
        do throws(TTRPCEnvelopeError) {
            response = try TTRPCResponse(parsing: frame.data)
        } catch {
            return waiter.fail(TTRPCStatus(.internalError, "malformed response: \(error)"))
        }
        switch waiter {
        case .call(let call):
            if let failure = response.failure {
                call.complete(.failure(failure))
            } else {
                call.complete(.success(response.payload))
            }
        case .stream(let queue):
            if let failure = response.failure { return queue.end(.failed(failure)) }
            deliver(response.payload, to: queue)
            queue.end(.finished)
        }
    }

    private func handleData(_ frame: TTRPCFrame) {
        let id = frame.header.streamID
        let flags = frame.header.flags
        switch state.withLock({ $0.waiters[id] }) {
        case nil: return
        case .call:
            take(id)?.fail(TTRPCStatus(.internalError, "the server answered a call of one message with a stream"))
        case .stream(let queue):
            if !flags.contains(.noData), !deliver(frame.data, to: queue) { forget(id) }
            if flags.contains(.remoteClosed) {
                forget(id)
                queue.end(.finished)
            }
        }
    }

    @discardableResult
    private func deliver(_ message: [UInt8], to queue: MessageQueue) -> Bool {
        if queue.append(message, until: Deadline(after: options.streamPatience)) { return true }
        queue.fail(TTRPCStatus(.resourceExhausted, "messages of the stream came faster than they were read"))
        return false
    }
}

/// A call of one message whose answer has not come.
final class PendingCall: Sendable {
    private let result = Monitor<Result<[UInt8], TTRPCStatus>?>(nil)

    /// The first result counts.
    func complete(_ result: Result<[UInt8], TTRPCStatus>) {
        self.result.withLock { if $0 == nil { $0 = result } }
        self.result.signal()
    }

    /// Waits for the result; nil when the deadline passed first.
    func wait(until deadline: Deadline?) -> Result<[UInt8], TTRPCStatus>? { result.wait(until: deadline) { $0 } }
}
