// SPDX-License-Identifier: Apache-2.0
internal import Vsock

/// Inputs to begin fuzzing with, as they lie in `Corpus/`.
public enum VsockFuzzSeeds {
    /// Of `fuzzVsockPacket`. `delivered-` reach the program, `malformed-` are no packets, `reset-` are answered by an
    /// RST, `quiet-` by nothing.
    public static var packets: [(name: String, bytes: [UInt8])] {
        let hello = Array("hello".utf8)
        var bad = header(.data, 5)
        bad.sourceCID = 7
        var future = header(.creditUpdate)
        future.forwardedCount = .max
        var packet = header(.data, 5)
        packet.type = .sequencedPacket
        var shutdown = header(.shutdown)
        shutdown.flags = .noMoreAtAll
        var stranger = header(.data, 5)
        stranger.sourcePort = 77
        var message = packet
        message.flags = .endOfMessage
        var empty = message
        empty.payloadByteCount = 0
        var record = packet
        record.flags = .endOfRecord
        return [
            ("delivered-plain", [0, 1, 44] + header(.data, 5).bytes + hello),
            ("delivered-single", [0, 0] + header(.data, 5).bytes + hello),
            ("delivered-cut", [0, 5, 1, 20, 43, 45, 47] + header(.data, 5).bytes + hello),
            ("delivered-indirect", [1, 2, 8, 44] + header(.data, 5).bytes + hello),
            ("delivered-large", [2, 1, 44] + header(.data, 60000).bytes),
            ("delivered-slack", [0, 1, 44] + header(.data, 3).bytes + hello),
            ("delivered-message", [4, 1, 44] + message.bytes + hello),
            ("delivered-message-cut", [5, 3, 1, 44, 46] + message.bytes + hello),
            ("malformed-message", [4, 1, 44] + message.bytes + hello.dropLast()),
            ("quiet-half-message", [4, 1, 44] + packet.bytes + hello),
            ("quiet-record", [4, 1, 44] + record.bytes + hello),
            ("quiet-empty-message", [4, 0] + empty.bytes),
            ("reset-stream", [4, 1, 44] + header(.data, 5).bytes + hello),
            ("malformed-empty", [0, 0]),
            ("malformed-header", [0, 1, 20] + Array(header(.data).bytes.dropLast())),
            ("malformed-payload", [0, 1, 44] + header(.data, 6).bytes + hello),
            ("malformed-huge", [0, 1, 44] + header(.data, .max).bytes + hello),
            ("reset-request", [0, 0] + header(.request).bytes),
            ("reset-response", [0, 0] + header(.response).bytes),
            ("reset-invalid", [0, 0] + header(.other(0)).bytes),
            ("reset-unknown", [0, 0] + header(.other(0xffff)).bytes),
            ("reset-type", [0, 1, 44] + packet.bytes + hello),
            ("reset-shutdown", [0, 0] + shutdown.bytes),
            ("reset-stranger", [0, 1, 44] + stranger.bytes + hello),
            ("quiet-reset", [0, 0] + header(.reset).bytes),
            ("quiet-future", [0, 0] + future.bytes),
            ("quiet-false-name", [0, 1, 44] + bad.bytes + hello),
            ("answered-credit", [0, 0] + header(.creditRequest).bytes),
        ]
    }

    /// Of `fuzzVsockSequence`.
    public static var sequences: [(name: String, bytes: [UInt8])] {
        [
            ("guest-opens", [0, 0, 13, 0, 4, 0x30, 13, 0, 6, 0x30, 5, 0x20, 13, 0, 12, 0xf0, 10, 0x30, 13, 0]),
            ("host-opens", [1, 1, 13, 0, 5, 0x50, 13, 0, 12, 0xf0, 4, 0x40, 13, 0, 6, 0xf0, 7, 0, 13, 0]),
            (
                "host-opens-packets",
                [
                    1, 9, 5, 0x20, 5, 0, 13, 0, 6, 0xf0, 5, 0x50, 13, 0, 12, 0xf0, 4, 0x40, 4, 0, 13, 0, 6, 0xf0, 8, 0,
                    4, 0x70, 13, 0, 10, 0x20, 13, 0, 6, 0xf0,
                ]
            ),
            (
                "packets-in-line",
                [2, 0x27] + Array("CONNECT".utf8) + [2, 0x29] + Array("connect 1".utf8) + [
                    2, 0x20, 1, 0x18, 1, 0x19, 13, 0, 5, 0xe3, 13, 0, 6, 0xf4, 16, 0, 1, 0x1a, 13, 0, 4, 0x30,
                ]
            ),
            ("half-close-host", [0, 0, 13, 0, 8, 0, 13, 0, 4, 0xf0, 13, 0, 6, 0xf0, 10, 0x30, 13, 0]),
            ("half-close-guest", [0, 0, 13, 0, 10, 0x20, 13, 0, 5, 0xf0, 13, 0, 12, 0xf0, 7, 0, 13, 0]),
            ("no-buffers", [14, 1, 0, 0, 0, 1, 0, 2, 13, 0, 14, 0, 19, 0, 13, 0, 4, 0x30, 13, 0, 6, 0xf0]),
            ("busy-host", [17, 2, 0, 0, 13, 0, 17, 0, 13, 0, 11, 0]),
            ("refused", [17, 1, 0, 0, 13, 0, 17, 0, 0, 0, 13, 0, 4, 0x10, 6, 0xf0]),
            (
                "storm",
                (0..<12).flatMap { [0, $0 << 4] as [UInt8] } + [13, 0] + (0..<12).flatMap { [11, $0] } + [13, 0]
            ),
            ("transport-reset", [0, 0, 1, 1, 13, 0, 16, 0, 13, 0, 0, 0x10, 13, 0, 4, 0x21, 13, 0, 6, 0xf2]),
            (
                "restored",
                [0, 0, 1, 1, 13, 0, 16, 1, 13, 0, 0, 0x10, 16, 3, 13, 0, 0, 0x20, 13, 0, 4, 0x22, 13, 0, 6, 0xf3]
            ),
            ("strays", (0..<10).flatMap { [3, 5 | $0 << 4, 3, 0, 0] as [UInt8] } + [13, 0, 0, 0, 13, 0]),
            (
                "line-in-pieces",
                [2, 7] + Array("CONNECT".utf8) + [13, 0, 2, 9] + Array("connect 1".utf8) + [13, 0, 7, 0]
            ),
            (
                "full-window",
                [0, 0, 13, 0] + (0..<14).flatMap { _ in [4, 0xf0] as [UInt8] } + [
                    13, 0, 6, 0xf0, 6, 0xf0, 13, 0, 4, 0xf0,
                ]
            ),
            (
                "burst",
                [0, 0, 0, 0x10, 13, 0, 14, 2] + (0..<3).flatMap { _ in [4, 0x30, 4, 0x10, 4, 0x21] as [UInt8] } + [
                    10, 0x20, 4, 0x71, 11, 1, 13, 0, 6, 0xf0, 6, 0xf1, 13, 0,
                ]
            ),
            (
                "messages",
                [
                    0, 8, 13, 0, 4, 0x30, 4, 0, 4, 0xf0, 13, 0, 6, 0xf0, 5, 0x20, 5, 0, 5, 0xe0, 13, 0, 12, 0xf0, 10,
                    0x20, 13, 0,
                ]
            ),
            (
                "messages-full",
                [0, 8, 0, 0x10, 13, 0] + (0..<10).flatMap { _ in [5, 0xe0, 4, 0xe0, 4, 0xe1, 5, 0x51] as [UInt8] } + [
                    13, 0, 6, 0xf0, 13, 0, 12, 0xf0, 8, 0, 13, 0, 6, 0xf0, 4, 0x10,
                ]
            ),
            (
                "messages-half",
                [0, 8, 13, 0, 14, 2] + (0..<8).flatMap { _ in [4, 0xf0] as [UInt8] } + [
                    3, 5, 1, 9, 9, 10, 0x20, 13, 0, 6, 0xf0,
                ]
            ),
            ("messages-too-long", [0, 8, 13, 0, 5, 0x20, 5, 0xf0, 13, 0, 12, 0xf0, 0, 0x18, 13, 0]),
            ("messages-mixed", [0, 8, 13, 0, 3, 5, 3, 1, 4, 0, 0, 0, 0, 8, 13, 0, 0, 4, 13, 0]),
            (
                "messages-restored",
                [0, 8, 13, 0, 4, 0x30, 16, 1, 13, 0, 0, 0x18, 13, 0, 4, 0x21, 13, 0, 6, 0xf1, 5, 0x41, 13, 0, 12, 0xf1]
            ),
            (
                "queues-reset",
                [
                    0, 0, 1, 1, 13, 0, 14, 2, 4, 0xf0, 4, 0x40, 20, 1, 13, 0, 5, 0x70, 6, 0xf0, 20, 0, 13, 0, 12, 0xf0,
                    20, 18,
                ]
                    + [13, 0, 0, 0x10, 13, 0, 4, 0x71, 6, 0xf1]
            ),
            (
                "queues-away",
                [
                    0, 0, 13, 0, 20, 9, 4, 0xf0, 0, 0x10, 20, 8, 5, 0xf0, 16, 0, 20, 10, 13, 0, 16, 1, 13, 0, 20, 6, 20,
                    5,
                ]
                    + [0, 0x20, 20, 4, 13, 0, 4, 0x72, 13, 0, 6, 0xf2]
            ),
            ("layouts", [0, 0, 13, 0] + (0..<4).flatMap { [18, $0, 4, 0x30, 13, 0, 6, 0xf0] as [UInt8] }),
        ]
    }

    private static func header(_ operation: VsockOperation, _ byteCount: UInt32 = 0) -> VsockHeader {
        VsockHeader(
            sourceCID: 3, destinationCID: GuestCID.host, sourcePort: 1000, destinationPort: 52, operation: operation,
            payloadByteCount: byteCount, bufferByteCount: 4096)
    }
}
