// SPDX-License-Identifier: Apache-2.0
import TTRPC

/// The seeds of `fuzzAgentConnection`: what a guest does where the agent should be.
extension Seeds {
    /// The first byte of an input.
    private enum How {
        static let greeting: UInt8 = 0
        static let connectedAndMore: UInt8 = 1
        static let connected: UInt8 = 2
        static let endedByShim: UInt8 = 0x20
        static let ended: UInt8 = 0xc0
        static let endedSending: UInt8 = 0xd0
    }

    private enum Call: UInt8, CaseIterable { case signal, wait, statistics, outOfMemory, start, pause }

    private static func greeting(_ text: String, times: UInt8 = 0, _ how: UInt8 = 0) -> [UInt8] {
        [How.greeting | how, UInt8(text.utf8.count)] + Array(text.utf8) + [times]
    }

    private static func step(_ call: Call, isLeft: Bool = false, _ actions: [UInt8]...) -> [UInt8] {
        [call.rawValue | UInt8(actions.count) << 4 | (isLeft ? 0x80 : 0)] + actions.joined()
    }

    private static let answer: [UInt8] = [0]
    private static let answerFourTimes: [UInt8] = [0xc0]
    private static func payload(_ bytes: [UInt8]) -> [UInt8] { [1, UInt8(bytes.count)] + bytes }
    private static func failure(_ code: UInt8, _ text: String) -> [UInt8] {
        [2, code, UInt8(text.utf8.count)] + Array(text.utf8)
    }
    private static func bytes(_ bytes: [UInt8]) -> [UInt8] { [3, UInt8(bytes.count)] + bytes }
    /// - Parameter offset: how many streams from this one's.
    private static func frame(_ kind: UInt8, _ offset: Int8, _ data: [UInt8]) -> [UInt8] {
        [4, kind, 0, UInt8(bitPattern: offset * 2), UInt8(data.count)] + data
    }
    private static func announcement(_ byteCount: UInt32, kiB: UInt8) -> [UInt8] {
        [5] + [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: byteCount >> $0) } + [kiB]
    }
    private static func long(kiB: UInt8) -> [UInt8] { [6, kiB] }
    private static let end: [UInt8] = [7, 0]
    private static let endSending: [UInt8] = [7, 1]

    static var connections: [Seed] {
        let exit = TTRPCResponse(payload: [8, 7]).encoded()
        let container = TTRPCResponse(payload: [10, 1, 0x61]).encoded()
        let early = TTRPCFrame(.response, streamID: 1).encoded()
        return [
            ("answered-each", [How.connected] + Call.allCases.flatMap { step($0, answer) }),
            (
                "answered-payload",
                [How.connected] + step(.statistics, payload([0x12, 0])) + step(.wait, payload([8, 1]))
            ),
            ("answered-four-times", [How.connected] + step(.start, answerFourTimes) + step(.pause, answerFourTimes)),
            ("answered-late", [How.connected] + step(.signal, isLeft: true) + step(.start, frame(2, -1, []), answer)),
            (
                "answered-in-disorder",
                [How.connected | How.endedByShim] + step(.wait, isLeft: true) + step(.outOfMemory, isLeft: true)
                    + step(.start, frame(2, -1, container), answer, frame(2, -2, exit)) + step(.wait, isLeft: true)
            ),
            ("answered-watches-end", [How.connected] + step(.wait, isLeft: true) + step(.pause, answer, end)),
            ("answered-early", [How.connectedAndMore, UInt8(early.count)] + early + step(.start)),
            (
                "answered-strangers",
                [How.connected] + step(.start, frame(2, 40, []), frame(1, 0, [1]), frame(9, 0, [1]), frame(3, 7, [1]))
            ),
            ("answered-in-pieces", [How.connected] + step(.start, bytes([0, 0, 0, 0, 0, 0]), bytes([0, 1, 2, 0]))),
            ("failed-reason", [How.connected] + step(.start, failure(5, "\u{1B}[2Jno such\nthing"))),
            ("failed-unknown-code", [How.connected] + step(.start, failure(99, "?"))),
            ("failed-envelope", [How.connected] + step(.start, frame(2, 0, [0x12, 0x50]))),
            ("failed-message", [How.connected] + step(.statistics, payload([0x0a, 0x7f, 0x61]))),
            ("failed-stream", [How.connected] + step(.start, frame(3, 0, [1]))),
            ("failed-long", [How.connected] + step(.statistics, long(kiB: 100)) + step(.pause, failure(9, ""))),
            ("failed-announced", [How.connected] + step(.start, announcement(.max, kiB: 8)) + step(.pause)),
            ("failed-cut", [How.connected] + step(.start, announcement(9000, kiB: 8), end)),
            ("failed-given-up", [How.connected] + step(.signal, isLeft: true) + step(.wait, isLeft: true, endSending)),
            ("failed-garbage", [How.connected] + step(.start, bytes(Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8)))),
            ("failed-ended", [How.connected | How.endedSending] + step(.start)),
            ("failed-ended-at-once", [How.connected] + step(.start, end) + step(.pause) + step(.wait)),
            ("refused-ended", [How.connected | How.ended]), ("refused-empty", []),
            ("refused-half", greeting("O")), ("refused-half-ended", greeting("OK 1", How.endedSending)),
            ("refused-flood", greeting("0123456789", times: 255)),
            ("refused-flood-of-lines", greeting("\n", times: 255)),
            ("refused-no", greeting("NO 1\n")), ("refused-sign", greeting("OK +1\n")),
            ("refused-spaces", greeting("OK  1\n")), ("refused-range", greeting("OK 4294967296\n")),
            ("refused-kelvin", greeting("O\u{212A} 1\n")),
        ]
    }
}
