// SPDX-License-Identifier: Apache-2.0
internal import VMMSysUtil

/// One client of a server: the thread that reads it, and the calls that it has here.
///
/// The reading thread never waits for a handler to end and never sends to a client that does not read; only a stream whose
/// handler is slow holds it up, for a bounded time.
final class ServerConnection: Sendable {
    struct State {
        /// Until the handler has returned and its answer is out.
        var active: [UInt32: ServerCall] = [:]
        var streamCount = 0
        var requestByteCount = 0
        /// No new calls; the connection ends with the last.
        var isDraining = false
        /// The client is gone.
        var isOver = false
    }

    /// What the reading thread alone knows.
    struct Progress {
        var lastStreamID: UInt32 = 0
        /// No deadline of an active call comes before this one.
        var nearest: Deadline?
    }

    /// Answers that may wait for a client that does not read; then nothing is read from it either.
    private static let maximumOwedBytes = 64 << 10
    private static let bufferByteCount = 64 << 10

    let channel: Channel
    let services: [String: any TTRPCService]
    let options: TTRPCServerOptions
    let pool: WorkerPool
    let state = Monitor(State())
    private let onFinish: @Sendable (ServerConnection) -> Void

    init(
        _ socket: consuming FileDescriptor, services: [String: any TTRPCService], options: TTRPCServerOptions,
        pool: WorkerPool, onFinish: @escaping @Sendable (ServerConnection) -> Void
    ) {
        channel = Channel(socket)
        self.services = services
        self.options = options
        self.pool = pool
        self.onFinish = onFinish
    }

    /// Serves until the client is gone. Handlers may still run afterwards; they are told.
    func run() {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.bufferByteCount, alignment: 16)
        defer { buffer.deallocate() }
        var parser = TTRPCFrameParser()
        var progress = Progress()
        reading: while true {
            expire(&progress)
            if channel.owedByteCount > Self.maximumOwedBytes {
                do throws(Channel.SendError) {
                    try channel.send([], until: progress.nearest ?? Deadline(after: .seconds(1)))
                } catch .timedOut {
                } catch { break reading }
                continue
            }
            switch channel.receive(into: buffer, until: progress.nearest) {
            case .ended: break reading
            case .timedOut: continue
            case .bytes(let count): take(UnsafeRawBufferPointer(rebasing: buffer[..<count]), &parser, &progress)
            }
        }
        end()
    }

    private func take(_ bytes: UnsafeRawBufferPointer, _ parser: inout TTRPCFrameParser, _ progress: inout Progress) {
        var position = 0
        while true {
            parser.acceptedByteCount = min(
                TTRPCFrameHeader.maximumDataByteCount, max(0, options.maximumPendingBytes - pendingByteCount))
            switch parser.next(bytes, from: &position) {
            case nil: return
            case .frame(let frame): handle(frame, &progress)
            case .refused(let header): handle(tooLong: header, &progress)
            }
        }
    }

    private var pendingByteCount: Int {
        state.withLock { state in
            guard state.streamCount > 0 else { return state.requestByteCount }
            return state.active.values.reduce(state.requestByteCount) { $0 + ($1.stream?.queue.byteCount ?? 0) }
        }
    }

    // MARK: - The end

    /// Answers no new calls, and ends the connection when those that are active have their answers.
    func drain() {
        let isIdle = state.withLock { state in
            state.isDraining = true
            return state.active.isEmpty
        }
        if isIdle { channel.shutdown() }
    }

    /// Ends the connection now. Its handlers are told.
    func sever() {
        channel.shutdown()
        cancelAll()
    }

    private func end() {
        channel.shutdown()
        cancelAll()
        let isIdle = state.withLock { state in
            state.isOver = true
            return state.active.isEmpty
        }
        if isIdle { onFinish(self) }
    }

    private func cancelAll() {
        for call in state.withLock({ Array($0.active.values) }) {
            _ = call.answer.take()
            call.cancel(TTRPCStatus(.cancelled, "the client is gone"))
        }
    }

    // MARK: - Calls

    /// Adds a call.
    /// - Returns: why there is no room for it.
    func begin(_ call: ServerCall) -> TTRPCStatus? {
        state.withLock { state in
            if state.isDraining { return TTRPCStatus(.unavailable, "the server is shutting down") }
            guard state.active.count < options.maximumCalls else {
                return TTRPCStatus(
                    .resourceExhausted, "the connection has \(options.maximumCalls) calls active: wait for one to end")
            }
            state.active[call.id] = call
            state.requestByteCount += call.requestByteCount
            if call.stream != nil { state.streamCount += 1 }
            return nil
        }
    }

    /// A handler has returned, and its answer is out.
    func finish(_ call: ServerCall) {
        call.call.end()
        let (isIdle, isOver) = state.withLock { state in
            guard state.active.removeValue(forKey: call.id) != nil else { return (false, false) }
            state.requestByteCount -= call.requestByteCount
            if call.stream != nil { state.streamCount -= 1 }
            let isLast = state.active.isEmpty
            return (isLast && state.isDraining, isLast && state.isOver)
        }
        if isIdle { channel.shutdown() }
        if isOver { onFinish(self) }
    }

    /// Answers and cancels calls whose time is over.
    func expire(_ progress: inout Progress) {
        guard let nearest = progress.nearest, nearest.hasPassed else { return }
        var next: Deadline?
        var late: [ServerCall] = []
        for call in state.withLock({ Array($0.active.values) }) where !call.answer.isTaken {
            guard let deadline = call.call.deadline else { continue }
            if deadline.hasPassed { late.append(call) } else { next = min(next ?? deadline, deadline) }
        }
        progress.nearest = next
        for call in late {
            fail(call, TTRPCStatus(.deadlineExceeded, "\(call.call.method) did not end within its time"))
        }
    }

    /// Answers a call in place of its handler, unless it has its answer, and cancels it.
    func fail(_ call: ServerCall, _ status: TTRPCStatus) {
        if call.answer.take() { post(status, on: call.id) }
        call.cancel(status)
    }

    /// Refuses a frame. A call that is active on that stream has this for its answer, so that it does not get two.
    func refuse(_ id: UInt32, _ code: TTRPCCode, _ message: String) {
        let status = TTRPCStatus(code, message)
        let call = state.withLock { $0.active[id] }
        let isEnding = call?.answer.take() ?? false
        post(status, on: id)
        if isEnding { call?.cancel(status) }
    }

    private func post(_ status: TTRPCStatus, on id: UInt32) {
        if let frame = TTRPCResponse(failure: status).frame(streamID: id) { channel.post(frame) }
    }
}
