// SPDX-License-Identifier: Apache-2.0
internal import VMMSysUtil

/// What a handler comes to. All of this runs on the call's thread, and may wait for a client that does not read.
extension ServerConnection {
    func perform(_ call: ServerCall, _ service: any TTRPCService, _ payload: [UInt8]) {
        let response: TTRPCResponse
        do throws(TTRPCStatus) {
            response = TTRPCResponse(payload: try service.unary(call.call.method, payload, call.call))
        } catch {
            response = TTRPCResponse(failure: error)
        }
        if call.answer.take() { send(response, on: call.id) }
    }

    func perform(_ call: ServerCall, _ service: any TTRPCService, _ stream: TTRPCServerStream) {
        do throws(TTRPCStatus) {
            try service.stream(call.call.method, stream, call.call)
        } catch {
            if call.answer.take() { send(TTRPCResponse(failure: error), on: call.id) }
            return
        }
        guard call.answer.take() else { return }
        if let answer = stream.finalAnswer {
            send(TTRPCResponse(payload: answer), on: call.id)
        } else {
            send(TTRPCFrame(.data, streamID: call.id, flags: [.remoteClosed, .noData]).encoded())
        }
    }

    /// Sends a message of a stream.
    static func send(
        _ message: [UInt8], id: UInt32, on channel: Channel, answer: AnswerRight, until deadline: Deadline?
    ) throws(TTRPCStatus) {
        guard message.count <= TTRPCFrameHeader.maximumDataByteCount else { throw .tooLong(message.count) }
        guard !answer.isTaken else { throw TTRPCStatus(.cancelled, "nobody waits for this stream any more") }
        do throws(Channel.SendError) {
            try channel.send(TTRPCFrame(.data, streamID: id, data: message).encoded(), until: deadline)
        } catch {
            switch error {
            case .timedOut: throw TTRPCStatus(.deadlineExceeded, "the client did not read within the call's time")
            case .closed: throw TTRPCStatus(.cancelled, "the client is gone")
            }
        }
    }

    private func send(_ response: TTRPCResponse, on id: UInt32) {
        if let frame = response.frame(streamID: id) { return send(frame) }
        let count = response.failure == nil ? response.payload.count : response.encoded().count
        if let frame = TTRPCResponse(failure: .tooLong(count)).frame(streamID: id) { send(frame) }
    }

    /// A client that is gone needs no answer.
    private func send(_ frame: [UInt8]) { try? channel.send(frame) }
}

extension TTRPCStatus {
    /// The status of a message that no frame has room for.
    static func tooLong(_ byteCount: Int) -> TTRPCStatus {
        TTRPCStatus(
            .resourceExhausted,
            "a message of \(byteCount) bytes exceeds the \(TTRPCFrameHeader.maximumDataByteCount) of a frame")
    }
}
