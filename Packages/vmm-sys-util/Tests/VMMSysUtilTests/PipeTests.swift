// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMSysUtil

@Suite struct PipeTests {
    @Test("the ends of a pipe can be taken out, and a dropped write end is the end of the file")
    func takeApart() throws {
        let pipe = try Pipe()
        let out = pipe.readEnd
        do {
            let into = pipe.writeEnd
            try into.writeAll([1, 2, 3])
        }
        #expect(try out.bytes(4) == [1, 2, 3])
        #expect(try out.bytes(4) == [])
    }

    @Test("an empty non-blocking pipe answers wouldBlock")
    func nonBlocking() throws {
        let pipe = try Pipe(isNonBlocking: true)
        #expect(throws: Errno.wouldBlock) { try pipe.readEnd.bytes(1) }
    }

    @Test("a stream pair carries bytes both ways")
    func streamPair() throws {
        let pair = try SocketPair()
        try pair.first.writeAll([1])
        try pair.second.writeAll([2])
        #expect(try pair.second.bytes(8) == [1])
        #expect(try pair.first.bytes(8) == [2])
    }

    @Test("a packet pair keeps the borders of messages", arguments: [SocketPair.Style.sequencedPacket, .datagram])
    func packets(_ style: SocketPair.Style) throws {
        let pair = try SocketPair(style)
        try pair.first.writeAll([1, 2])
        try pair.first.writeAll([3])
        #expect(try pair.second.bytes(8) == [1, 2])
        #expect(try pair.second.bytes(8) == [3])
    }
}
