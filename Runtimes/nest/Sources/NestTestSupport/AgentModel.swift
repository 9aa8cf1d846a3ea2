// SPDX-License-Identifier: Apache-2.0
internal import NestProtocols
internal import NestShim
internal import SwiftProtobuf
internal import TTRPC

/// What calls must come to, by the bytes that a guest sent: the first frame on a call's stream decides.
struct AgentModel {
    enum Outcome: Equatable {
        case done
        case exit(UInt32)
        case statistics(AgentStatsContainerResponse)
        case container(String)
        case failed(TTRPCCode)
    }

    private enum Said {
        case response([UInt8])
        case tooLong
        case data
    }

    private var parser = TTRPCFrameParser()
    private var nextID: UInt32 = 1
    /// Calls that wait, and those that are over until `forget`.
    private var calls: [UInt32: (call: AgentScript.Call, answer: Outcome?)] = [:]
    /// What was said on streams before they began. Whether a client reads it before or after it opens the stream is open.
    private var early: [UInt32: [Said]] = [:]

    /// Whether what is sent next begins a frame.
    var isBetweenFrames: Bool { (try? parser.finish()) != nil }

    /// Begins a call.
    /// - Returns: its stream.
    mutating func open(_ call: AgentScript.Call) -> UInt32 {
        defer { nextID += 2 }
        calls[nextID] = (call, nil)
        return nextID
    }

    /// Nobody waits for the call any more.
    mutating func forget(_ stream: UInt32) { calls[stream] = nil }

    /// What has decided a call; nil if nothing has.
    func answer(on stream: UInt32) -> Outcome? { calls[stream]?.answer }

    /// What may have decided it.
    func earlyAnswers(on stream: UInt32) -> [Outcome] {
        guard let call = calls[stream]?.call else { return [] }
        return (early[stream] ?? []).map { Self.outcome(of: $0, for: call) }
    }

    /// The guest sends bytes.
    mutating func take(_ bytes: [UInt8]) {
        var position = 0
        bytes.withUnsafeBytes { bytes in
            while let event = parser.next(bytes, from: &position) { take(event) }
        }
    }

    private mutating func take(_ event: TTRPCFrameParser.Event) {
        switch event {
        case .refused(let header) where header.kind == .response || header.kind == .data:
            take(.tooLong, on: header.streamID)
        case .frame(let frame) where frame.header.kind == .response:
            take(.response(frame.data), on: frame.header.streamID)
        case .frame(let frame) where frame.header.kind == .data: take(.data, on: frame.header.streamID)
        default: break
        }
    }

    private mutating func take(_ said: Said, on stream: UInt32) {
        if let waiting = calls[stream] {
            if waiting.answer == nil { calls[stream]?.answer = Self.outcome(of: said, for: waiting.call) }
        } else if stream >= nextID {
            early[stream, default: []].append(said)
        }
    }

    private static func outcome(of said: Said, for call: AgentScript.Call) -> Outcome {
        switch said {
        case .tooLong: return .failed(.resourceExhausted)
        case .data: return .failed(.internalError)
        case .response(let data):
            guard let response = try? TTRPCResponse(parsing: data) else { return .failed(.internalError) }
            if let failure = response.failure { return .failed(failure.code) }
            do throws(TTRPCStatus) {
                return try outcome(of: response.payload, for: call)
            } catch { return .failed(error.code) }
        }
    }

    private static func outcome(of payload: [UInt8], for call: AgentScript.Call) throws(TTRPCStatus) -> Outcome {
        func decoded<Content: Message>() throws(TTRPCStatus) -> Content {
            try GuestAnswer.decoded(payload, of: call.method)
        }
        switch call {
        case .signal, .start, .pause: return .done
        case .wait: return .exit(GuestAnswer.exitStatus(try decoded()))
        case .statistics: return .statistics(try decoded())
        case .outOfMemory:
            let event: AgentOOMEvent = try decoded()
            return .container(event.containerID)
        }
    }
}
