// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import VMMSysUtil

/// Something that a stream of bytes goes through, with both ends on one thread: what one side sends, the other takes,
/// in turns. The bytes are all the same; what is measured is how they are moved.
protocol Stream: AnyObject {
    /// Moves about that many bytes, in pieces of a length, and leaves nothing under way.
    /// - Returns: how many.
    func move(_ byteCount: Int, pieces pieceByteCount: Int) throws -> Int
}

/// At most this much is under way at one time; less than a Unix socket holds.
let burstByteCount = 128 << 10

struct BenchmarkFailure: Error { let text: String }

/// What both sides do at the host's end.
struct HostEnd: ~Copyable {
    let number: Int32
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 64)

    init(_ number: Int32) throws {
        guard number >= 0 else { throw BenchmarkFailure(text: "no socket") }
        self.number = number
        buffer.initializeMemory(as: UInt8.self, repeating: 0x5a)
        _ = fcntl(number, F_SETFL, O_NONBLOCK)
    }

    deinit {
        buffer.deallocate()
        close(number)
    }

    /// Takes all that is there.
    func drain() -> Int {
        var total = 0
        while true {
            let count = recv(number, buffer.baseAddress, buffer.count, 0)
            guard count > 0 else { return total }
            total += count
        }
    }

    /// Sends pieces until there are `byteCount` bytes or the socket is full.
    func fill(_ byteCount: Int, pieces: Int) -> Int {
        var total = 0
        while total < byteCount {
            let count = send(number, buffer.baseAddress, min(pieces, buffer.count), Int32(MSG_NOSIGNAL))
            guard count > 0 else { return total }
            total += count
        }
        return total
    }
}

/// The baseline: one pair of Unix sockets, of streams or of packets, nothing between.
final class PlainStream: Stream {
    private let writer: HostEnd
    private let reader: HostEnd

    init(_ style: SocketPair.Style) throws {
        let pair = try SocketPair(style)
        let writer = try HostEnd(dup(pair.first.rawValue))
        let reader = try HostEnd(dup(pair.second.rawValue))
        self.writer = writer
        self.reader = reader
    }

    func move(_ byteCount: Int, pieces: Int) throws -> Int {
        var moved = 0
        while moved < byteCount {
            let sent = writer.fill(min(burstByteCount, 64 * pieces), pieces: pieces)
            let taken = reader.drain()
            guard sent == taken, sent > 0 else { throw BenchmarkFailure(text: "\(sent) sent, \(taken) taken") }
            moved += taken
        }
        return moved
    }
}
