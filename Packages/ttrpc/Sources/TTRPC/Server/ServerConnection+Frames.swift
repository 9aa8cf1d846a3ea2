// SPDX-License-Identifier: Apache-2.0
internal import VMMSysUtil

/// What each frame of a client comes to. All of this runs on the reading thread.
extension ServerConnection {
    func handle(_ frame: TTRPCFrame, _ progress: inout Progress) {
        let header = frame.header
        // Clients of later versions may send what this one does not know; a response is nothing that a client sends.
        guard header.kind == .request || header.kind == .data else { return }
        guard header.streamID & 1 == 1 else {
            return refuse(
                header.streamID, .invalidArgument, "stream id \(header.streamID) is even: clients use odd ones")
        }
        if header.kind == .data { return handleData(frame, &progress) }
        guard header.streamID > progress.lastStreamID else {
            return refuse(
                header.streamID, .invalidArgument,
                "stream id \(header.streamID) is not above the last one, \(progress.lastStreamID)")
        }
        progress.lastStreamID = header.streamID
        do throws(TTRPCEnvelopeError) {
            handleRequest(header, try TTRPCRequest(parsing: frame.data), frame.data.count, &progress)
        } catch {
            refuse(header.streamID, .invalidArgument, "malformed request: \(error)")
        }
    }

    func handle(tooLong header: TTRPCFrameHeader, _ progress: inout Progress) {
        guard header.kind == .request || header.kind == .data else { return }
        if header.kind == .request, header.streamID & 1 == 1 {
            progress.lastStreamID = max(progress.lastStreamID, header.streamID)
        }
        let isOverFrame = header.dataByteCount > UInt32(TTRPCFrameHeader.maximumDataByteCount)
        refuse(
            header.streamID, .resourceExhausted,
            isOverFrame
                ? "\(header.dataByteCount) bytes exceed the \(TTRPCFrameHeader.maximumDataByteCount) of a message"
                : "the connection has \(options.maximumPendingBytes) bytes of messages pending: wait for answers")
    }

    private func handleRequest(
        _ header: TTRPCFrameHeader, _ request: TTRPCRequest, _ byteCount: Int, _ progress: inout Progress
    ) {
        let id = header.streamID
        guard let service = services[request.service] else {
            return refuse(id, .unimplemented, "service \(request.service) is not implemented")
        }
        guard request.timeoutNanoseconds >= 0 else {
            return refuse(id, .deadlineExceeded, "the call's time was over before it came")
        }
        let deadline =
            request.timeoutNanoseconds == 0 ? nil : Deadline(afterNanoseconds: request.timeoutNanoseconds)
        let call = makeCall(header, request, byteCount, deadline)
        if let status = begin(call) { return refuse(id, status.code, status.message) }
        if let deadline { progress.nearest = min(progress.nearest ?? deadline, deadline) }
        let payload = request.payload
        do throws(Errno) {
            try pool.run { [self] in
                if let stream = call.stream { perform(call, service, stream) } else { perform(call, service, payload) }
                finish(call)
            }
        } catch {
            fail(call, TTRPCStatus(.resourceExhausted, "no thread for the call: \(error)"))
            finish(call)
        }
    }

    private func makeCall(
        _ header: TTRPCFrameHeader, _ request: TTRPCRequest, _ byteCount: Int, _ deadline: Deadline?
    ) -> ServerCall {
        let id = header.streamID
        let call = TTRPCCall(
            service: request.service, method: request.method, metadata: request.metadata, deadline: deadline)
        let answer = AnswerRight()
        guard !header.flags.isDisjoint(with: [.remoteClosed, .remoteOpen]) else {
            return ServerCall(
                id: id, call: call, stream: nil, answer: answer, requestByteCount: byteCount, isIncomingClosed: true)
        }
        let stream = TTRPCServerStream(maximumByteCount: options.maximumStreamBytes, deadline: deadline) {
            [channel] message throws(TTRPCStatus) in
            try Self.send(message, id: id, on: channel, answer: answer, until: deadline)
        }
        let isClosed = header.flags.contains(.remoteClosed)
        // A client that streams sends its messages in data frames; one that does not has its only message here.
        if isClosed || !request.payload.isEmpty { _ = stream.queue.append(request.payload, until: .now) }
        if isClosed { stream.queue.end(.finished) }
        return ServerCall(
            id: id, call: call, stream: stream, answer: answer, requestByteCount: 0, isIncomingClosed: isClosed)
    }

    private func handleData(_ frame: TTRPCFrame, _ progress: inout Progress) {
        let id = frame.header.streamID
        let flags = frame.header.flags
        guard let call = state.withLock({ $0.active[id] }), let stream = call.stream, !call.answer.isTaken else {
            return refuse(id, .invalidArgument, "stream \(id) is not active")
        }
        guard !call.isIncomingClosed else {
            return refuse(id, .invalidArgument, "stream \(id) has data after its client closed it")
        }
        guard !flags.contains(.noData) || frame.data.isEmpty else {
            return refuse(id, .invalidArgument, "stream \(id) has data in a frame that says to have none")
        }
        if !flags.contains(.noData) { deliver(frame.data, to: stream, of: call, &progress) }
        if flags.contains(.remoteClosed) { call.closeIncoming() }
    }

    private func deliver(
        _ message: [UInt8], to stream: TTRPCServerStream, of call: ServerCall, _ progress: inout Progress
    ) {
        let limit = Deadline(after: options.streamPatience)
        while !stream.queue.append(message, until: min(limit, progress.nearest ?? limit)) {
            expire(&progress)
            guard limit.hasPassed else { continue }
            return fail(call, TTRPCStatus(.resourceExhausted, "messages of the stream came faster than they were read"))
        }
    }
}
