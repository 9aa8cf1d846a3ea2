// SPDX-License-Identifier: Apache-2.0
internal import NestProtocols
internal import TTRPC

/// What a guest in the agent's place says on one connection, as a fuzzer's bytes tell it.
struct AgentScript {
    /// Calls that the shim makes.
    enum Call: CaseIterable {
        case signal, wait, statistics, outOfMemory, start, pause

        var method: String {
            switch self {
            case .signal: "SignalProcess"
            case .wait: "WaitProcess"
            case .statistics: "StatsContainer"
            case .outOfMemory: "GetOOMEvent"
            case .start: "StartContainer"
            case .pause: "PauseContainer"
            }
        }

        /// Whether the shim waits for it beside its other calls.
        var isWatch: Bool { self == .wait || self == .outOfMemory }

        /// What a sane agent answers.
        fileprivate var properAnswer: [UInt8] {
            switch self {
            case .wait: [8, 7]
            case .outOfMemory: [10, 2, 0x63, 0x31]
            default: []
            }
        }
    }

    /// How the guest ends the connection.
    enum End {
        case both
        /// It says no more, and still reads.
        case sending
    }

    enum Action {
        case bytes([UInt8])
        /// The answer to this step's call.
        case answer(payload: [UInt8]?)
        case failure(code: UInt8, text: [UInt8])
        /// On another stream, so far from this one's.
        case frame(TTRPCFrameKind, TTRPCFrameFlags, streamOffset: Int8, [UInt8])
        case announcement(byteCount: UInt32, zeroCount: Int)
        case end(End)
    }

    /// One call, and what the guest says when it has come.
    struct Step {
        let call: Call
        /// A watch goes on beside the next calls; a signal without an answer is given up; others are answered in the end.
        let isLeft: Bool
        let actions: [Action]
    }

    /// The answer to `CONNECT`, and what follows it at once.
    let greeting: [UInt8]
    /// How the connection ends behind the greeting.
    let end: End?
    /// Whether the shim ends the connection, in the end.
    let isEndedByShim: Bool
    let steps: [Step]

    private static let stepsMax = 8
    private static let actionsMax = 7
    /// Bytes that are not in the input, of one connection.
    private static let zerosMax = 1 << 20

    init(_ bytes: UnsafeRawBufferPointer) {
        var rest = Array(bytes)[...]
        // Most of its values begin a connection that lives: what they do not lead to is soon known.
        let how = rest.takeByte()
        if how & 7 == 0 {
            let part = rest.takeCounted()
            greeting = Array(repeatElement(part, count: 1 + Int(rest.takeByte())).joined())
        } else {
            greeting = Array("OK 1073741824\n".utf8) + (how & 7 == 1 ? rest.takeCounted() : [])
        }
        end = how & 0xc0 != 0xc0 ? nil : how & 0x10 == 0 ? .both : .sending
        isEndedByShim = how & 0x20 != 0
        var steps: [Step] = []
        var zerosLeft = Self.zerosMax
        while !rest.isEmpty, steps.count < Self.stepsMax {
            let first = rest.takeByte()
            let count = Int(first >> 4 & 7)
            let calls = Call.allCases
            steps.append(
                Step(
                    call: calls[Int(first & 15) % calls.count], isLeft: first & 0x80 != 0,
                    actions: (0..<min(count, Self.actionsMax)).flatMap { _ in Self.actions(&rest, &zerosLeft) }))
        }
        self.steps = steps
    }

    /// An action, one to four times.
    private static func actions(_ rest: inout ArraySlice<UInt8>, _ zerosLeft: inout Int) -> [Action] {
        let first = rest.takeByte()
        let action: Action
        var zeroCount = 0
        switch first & 7 {
        case 0: action = .answer(payload: nil)
        case 1: action = .answer(payload: rest.takeCounted())
        case 2: action = .failure(code: rest.takeByte(), text: rest.takeCounted())
        case 3: action = .bytes(rest.takeCounted())
        case 4:
            action = .frame(
                TTRPCFrameKind(rawValue: rest.takeByte()), TTRPCFrameFlags(rawValue: rest.takeByte()),
                streamOffset: Int8(bitPattern: rest.takeByte()), rest.takeCounted())
        case 5:
            let byteCount = (0..<4).reduce(0) { sum, _ in sum << 8 | UInt32(rest.takeByte()) }
            zeroCount = Int(rest.takeByte()) << 10
            action = .announcement(byteCount: byteCount, zeroCount: zeroCount)
        case 6:
            zeroCount = Int(rest.takeByte()) << 10
            action = .answer(payload: [UInt8](repeating: 0, count: zeroCount))
        default: action = .end(rest.takeByte() & 1 == 0 ? .both : .sending)
        }
        let times = 1 + Int(first >> 6)
        zerosLeft -= zeroCount * times
        return zerosLeft < 0 ? [] : [Action](repeating: action, count: times)
    }
}

extension AgentScript.Step {
    /// What the guest sends, up to the end if it comes to one.
    func output(on stream: UInt32) -> (bytes: [UInt8], end: AgentScript.End?) {
        var bytes: [UInt8] = []
        for action in actions {
            switch action {
            case .bytes(let some): bytes += some
            case .answer(let payload): bytes += Self.response(payload ?? call.properAnswer, on: stream)
            case .failure(let code, let text):
                // Any number, as a status is written; `TTRPCStatus` has the known ones only.
                let status = [8, code & 0x7f, 18, UInt8(text.count & 0x7f)] + text.prefix(text.count & 0x7f)
                bytes += TTRPCFrame(.response, streamID: stream, data: [10, UInt8(status.count)] + status).encoded()
            case .frame(let kind, let flags, let offset, let data):
                let other = stream &+ UInt32(bitPattern: Int32(offset))
                bytes += TTRPCFrame(kind, streamID: other, flags: flags, data: data).encoded()
            case .announcement(let byteCount, let zeroCount):
                var header = TTRPCFrame(.response, streamID: stream)
                header.header.dataByteCount = byteCount
                bytes += header.encoded() + [UInt8](repeating: 0, count: zeroCount)
            case .end(let end): return (bytes, end)
            }
        }
        return (bytes, nil)
    }

    /// A sane answer.
    func properOutput(on stream: UInt32) -> [UInt8] { Self.response(call.properAnswer, on: stream) }

    private static func response(_ payload: [UInt8], on stream: UInt32) -> [UInt8] {
        TTRPCFrame(.response, streamID: stream, data: TTRPCResponse(payload: payload).encoded()).encoded()
    }
}

extension ArraySlice<UInt8> {
    /// Zeros follow the end.
    fileprivate mutating func takeByte() -> UInt8 { popFirst() ?? 0 }

    /// A byte that says how many, and so many, as far as they are there.
    fileprivate mutating func takeCounted() -> [UInt8] {
        let count = Int(takeByte())
        defer { self = dropFirst(count) }
        return Array(prefix(count))
    }
}
