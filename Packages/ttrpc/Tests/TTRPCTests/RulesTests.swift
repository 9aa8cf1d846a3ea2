// SPDX-License-Identifier: Apache-2.0
import TTRPC
import TTRPCTestSupport
import Testing

/// What a server answers to those who break its rules: the one stream gets it, and the connection lives.
@Suite struct RulesTests {
    let service = EchoService()
    let peer: RawPeer

    init() throws { peer = try TTRPCPipe.peer(of: TTRPCServer(services: [service])) }

    func expectAlive(_ id: UInt32) throws {
        try peer.send(TTRPCRequest(service: "test.Echo", method: "Echo", payload: [1]), on: id)
        let answer = try #require(peer.receiveResponse())
        #expect(answer.id == id)
        #expect(answer.response == TTRPCResponse(payload: [1]))
    }

    func code(on id: UInt32) -> TTRPCCode? {
        guard let answer = peer.receiveResponse(), answer.id == id else { return nil }
        return answer.response.failure?.code
    }

    @Test("a stream id that is even, used or not above the last is refused on that id")
    func streamIDs() throws {
        let request = TTRPCRequest(service: "test.Echo", method: "Echo")
        for id: UInt32 in [2, 0] {
            try peer.send(request, on: id)
            #expect(code(on: id) == .invalidArgument)
        }
        try expectAlive(7)
        for id: UInt32 in [7, 5, 1] {
            try peer.send(request, on: id)
            #expect(code(on: id) == .invalidArgument)
        }
        // Ids may be left out, up to the last there is.
        try expectAlive(4_294_967_293)
        try expectAlive(.max)
        try peer.send(request, on: 1)
        #expect(code(on: 1) == .invalidArgument)
    }

    @Test("frames of kinds that nobody knows, and responses, are ignored, whatever their length")
    func unknownKinds() throws {
        for kind: UInt8 in [0, 2, 4, 255] {
            try peer.send(TTRPCFrame(TTRPCFrameKind(rawValue: kind), streamID: 1, data: [1, 2, 3]))
            try peer.send(TTRPCFrame(TTRPCFrameKind(rawValue: kind), streamID: 2, flags: [.noData]))
        }
        var long = TTRPCFrame(TTRPCFrameKind(rawValue: 9), streamID: 1, data: [])
        long.header.dataByteCount = (4 << 20) + 1
        try peer.send(long.encoded() + [UInt8](repeating: 0, count: (4 << 20) + 1))
        try expectAlive(1)
    }

    @Test("a service and a method that are not there are Unimplemented, as a call and as a stream")
    func unimplemented() throws {
        try peer.send(TTRPCRequest(service: "test.None", method: "Echo"), on: 1)
        #expect(code(on: 1) == .unimplemented)
        try peer.send(TTRPCRequest(service: "test.Echo", method: "None"), on: 3)
        #expect(code(on: 3) == .unimplemented)
        try peer.send(TTRPCRequest(service: "test.Echo", method: "Echo"), on: 5, flags: .remoteClosed)
        #expect(code(on: 5) == .unimplemented)
        try peer.send(TTRPCRequest(service: "test.Echo", method: "Chat"), on: 7)
        #expect(code(on: 7) == .unimplemented)
        try expectAlive(9)
    }

    @Test("a request that is none is InvalidArgument with the reason")
    func malformed() throws {
        try peer.send(TTRPCFrame(.request, streamID: 1, data: [0x0a, 0x05, 0x41]))
        let answer = try #require(peer.receiveResponse())
        #expect(
            answer.response.failure
                == TTRPCStatus(.invalidArgument, "malformed request: the message ends inside the field at byte 1"))
        try peer.send(TTRPCFrame(.request, streamID: 3))
        #expect(code(on: 3) == .unimplemented)
        try expectAlive(5)
    }

    @Test("data over 4 MiB is thrown away as it comes and answered ResourceExhausted; its id is used")
    func tooLong() throws {
        let count = (4 << 20) + 1
        try peer.send(
            hexBytes("00 40 00 01 | 00 00 00 01 | 01 | 00") + [UInt8](repeating: 0x0a, count: count))
        #expect(code(on: 1) == .resourceExhausted)
        try peer.send(TTRPCRequest(service: "test.Echo", method: "Echo"), on: 1)
        #expect(code(on: 1) == .invalidArgument)
        try expectAlive(3)
    }

    @Test("an answer over 4 MiB is ResourceExhausted")
    func answerTooLong() throws {
        try peer.send(TTRPCRequest(service: "test.Echo", method: "Big"), on: 1)
        #expect(code(on: 1) == .resourceExhausted)
        try expectAlive(3)
    }

    @Test("data on a stream that is finished, was never opened or is a call of one message is InvalidArgument")
    func strayData() throws {
        try peer.send(TTRPCFrame(.data, streamID: 1, data: [1]))
        #expect(code(on: 1) == .invalidArgument)
        try peer.send(TTRPCFrame(.data, streamID: 2, data: [1]))
        #expect(code(on: 2) == .invalidArgument)
        try expectAlive(3)
        try peer.send(TTRPCFrame(.data, streamID: 3, data: [1]))
        #expect(code(on: 3) == .invalidArgument)
        // One answer only, though the handler ends later.
        try peer.send(TTRPCRequest(service: "test.Echo", method: "Stubborn"), on: 5)
        try peer.send(TTRPCFrame(.data, streamID: 5, data: [1]))
        #expect(code(on: 5) == .invalidArgument)
        #expect(eventually { service.activeCount == 0 })
        try expectAlive(7)
    }

    @Test("data after a half close, and data in a frame that says to have none, end the stream with InvalidArgument")
    func dataAfterClose() throws {
        try peer.send(TTRPCRequest(service: "test.Echo", method: "Idle"), on: 1, flags: .remoteClosed)
        try peer.send(TTRPCFrame(.data, streamID: 1, data: [1]))
        #expect(code(on: 1) == .invalidArgument)
        try peer.send(TTRPCRequest(service: "test.Echo", method: "Chat"), on: 3, flags: .remoteOpen)
        try peer.send(TTRPCFrame(.data, streamID: 3, flags: .noData, data: [1]))
        #expect(code(on: 3) == .invalidArgument)
        #expect(eventually { service.activeCount == 0 })
        try expectAlive(5)
    }

    @Test("a time that is over before it begins is DeadlineExceeded")
    func negativeTimeout() throws {
        try peer.send(
            TTRPCRequest(service: "test.Echo", method: "Echo", timeoutNanoseconds: -1), on: 1)
        #expect(code(on: 1) == .deadlineExceeded)
        try expectAlive(3)
    }

    @Test("bytes that come one at a time are as good as any")
    func oneAtATime() throws {
        let request = TTRPCRequest(service: "test.Echo", method: "Echo", payload: [5])
        for byte in TTRPCFrame(.request, streamID: 1, data: request.encoded()).encoded() { try peer.send([byte]) }
        #expect(peer.receiveResponse()?.response == TTRPCResponse(payload: [5]))
    }
}
