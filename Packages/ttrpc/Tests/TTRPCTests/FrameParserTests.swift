// SPDX-License-Identifier: Apache-2.0
import TTRPC
import TTRPCTestSupport
import Testing

@Suite struct FrameParserTests {
    static let frames = [
        TTRPCFrame(.request, streamID: 1, data: [1, 2, 3]),
        TTRPCFrame(.data, streamID: 1, flags: [.remoteClosed, .noData]),
        TTRPCFrame(TTRPCFrameKind(rawValue: 200), streamID: 2, data: [UInt8](repeating: 9, count: 300)),
        TTRPCFrame(.response, streamID: 1),
    ]
    static let bytes = frames.flatMap { $0.encoded() }

    func events(_ bytes: [UInt8], pieces: Int, limit: Int = TTRPCFrameHeader.maximumDataByteCount) throws
        -> [TTRPCFrameParser.Event]
    {
        var parser = TTRPCFrameParser(acceptedByteCount: limit)
        var events: [TTRPCFrameParser.Event] = []
        for begin in stride(from: 0, to: bytes.count, by: pieces) {
            Array(bytes[begin..<min(bytes.count, begin + pieces)]).withUnsafeBytes { piece in
                var position = 0
                while let event = parser.next(piece, from: &position) { events.append(event) }
            }
        }
        try parser.finish()
        return events
    }

    @Test("the frames are the same whatever pieces they come in", arguments: 1...340)
    func pieces(count: Int) throws {
        #expect(try events(Self.bytes, pieces: count) == Self.frames.map { .frame($0) })
    }

    @Test("a frame over the limit is told from its header and skipped; the next is whole", arguments: [1, 7, 64, 1000])
    func refused(pieces: Int) throws {
        let events = try events(Self.bytes, pieces: pieces, limit: 299)
        #expect(
            events == [
                .frame(Self.frames[0]), .frame(Self.frames[1]), .refused(Self.frames[2].header), .frame(Self.frames[3]),
            ])
        #expect(try self.events(Self.bytes, pieces: pieces, limit: 300).count == 4)
    }

    @Test("an end inside a frame is told with how much is missing")
    func truncated() {
        #expect(throws: TTRPCFrameError.truncated(byteCount: 4, needed: 10)) {
            try events(Array(Self.bytes[..<4]), pieces: 3)
        }
        #expect(throws: TTRPCFrameError.truncated(byteCount: 12, needed: 13)) {
            try events(Array(Self.bytes[..<12]), pieces: 5)
        }
        #expect(throws: TTRPCFrameError.truncated(byteCount: 10, needed: 12)) {
            try events(Array(Self.bytes[..<11]), pieces: 5, limit: 0)
        }
    }

    @Test("an announcement of 4 GiB takes no memory and is skipped to its last byte")
    func huge() {
        var parser = TTRPCFrameParser()
        let header = TTRPCFrameHeader(byteCount: .max, streamID: 1, kind: .request)
        var position = 0
        let first = hexBytes("ff ff ff ff 00 00 00 01 01 00").withUnsafeBytes { parser.next($0, from: &position) }
        #expect(first == .refused(header))
        let chunk = [UInt8](repeating: 1, count: 1 << 20)
        var left = Int(UInt32.max)
        while left > 0 {
            let count = min(left, chunk.count)
            position = 0
            let event = chunk.withUnsafeBytes {
                parser.next(UnsafeRawBufferPointer(rebasing: $0[..<count]), from: &position)
            }
            guard event == nil, position == count else { break }
            left -= count
        }
        #expect(left == 0)
        position = 0
        let next = Self.frames[0].encoded().withUnsafeBytes { parser.next($0, from: &position) }
        #expect(next == .frame(Self.frames[0]))
    }
}
