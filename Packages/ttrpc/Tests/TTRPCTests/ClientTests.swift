// SPDX-License-Identifier: Apache-2.0
import TTRPC
import TTRPCTestSupport
import Testing
import VMMSysUtil

/// A client whose server does what it likes.
@Suite struct ClientTests {
    let client: TTRPCClient
    let peer: RawPeer

    init() throws { (client, peer) = try TTRPCPipe.clientAndPeer() }

    /// Makes a call on a thread of its own.
    func call(_ method: String = "m", timeout: Duration? = nil) throws -> Outcome<Result<[UInt8], TTRPCStatus>> {
        let client = client
        return try onThread {
            Result { () throws(TTRPCStatus) in try client.call("s", method, [], timeout: timeout) }
        }
    }

    func code(_ outcome: Outcome<Result<[UInt8], TTRPCStatus>>) -> TTRPCCode? {
        switch outcome.wait() {
        case .some(.success): .ok
        case .some(.failure(let status)): status.code
        case nil: nil
        }
    }

    @Test("answers may come in any order")
    func outOfOrder() throws {
        let first = try call("a")
        #expect(peer.receiveFrame()?.header.streamID == 1)
        let second = try call("b")
        #expect(peer.receiveFrame()?.header.streamID == 3)
        try peer.send(TTRPCResponse(payload: [2]), on: 3)
        #expect(try second.wait()?.get() == [2])
        try peer.send(TTRPCResponse(payload: [1]), on: 1)
        #expect(try first.wait()?.get() == [1])
    }

    @Test("the reading thread runs its owner's body once, before it reads, and no other thread does")
    func threadStart() throws {
        var options = TTRPCClientOptions()
        let started = Monitor<[Int32]>([])
        options.onThreadStart = { started.update { $0.append(Thread.currentID) } }
        let (client, peer) = try TTRPCPipe.clientAndPeer(options: options)
        let call = try onThread { try? client.call("s", "m", []) }
        #expect(peer.receiveFrame()?.header.streamID == 1)
        try peer.send(TTRPCResponse(payload: [1]), on: 1)
        #expect(call.wait() == [1])
        #expect(started.withLock { $0.count } == 1)
        #expect(started.withLock { $0.first } != Thread.currentID)
    }

    @Test("an answer to nobody, a second one, and frames of unknown kinds are ignored")
    func strayAnswers() throws {
        let outcome = try call()
        _ = peer.receiveFrame()
        try peer.send(TTRPCResponse(payload: [9]), on: 77)
        try peer.send(TTRPCFrame(.data, streamID: 5, data: [1]))
        try peer.send(TTRPCFrame(.request, streamID: 1, data: [1]))
        try peer.send(TTRPCFrame(TTRPCFrameKind(rawValue: 99), streamID: 1, data: [1]))
        try peer.send(TTRPCResponse(payload: [1]), on: 1)
        try peer.send(TTRPCResponse(payload: [2]), on: 1)
        #expect(try outcome.wait()?.get() == [1])
        let next = try call()
        _ = peer.receiveFrame()
        try peer.send(TTRPCResponse(payload: [3]), on: 3)
        #expect(try next.wait()?.get() == [3])
    }

    @Test("an answer that is none fails its call only")
    func malformed() throws {
        let outcome = try call()
        _ = peer.receiveFrame()
        try peer.send(TTRPCFrame(.response, streamID: 1, data: [0x12, 0x50]))
        #expect(code(outcome) == .internalError)
        #expect(!client.isClosed)
    }

    @Test("an answer over 4 MiB fails its call with ResourceExhausted; the connection lives")
    func tooLong() throws {
        let outcome = try call()
        _ = peer.receiveFrame()
        let peer = peer
        let sent = try onThread {
            try? peer.send(
                hexBytes("00 40 00 01 | 00 00 00 01 | 02 | 00") + [UInt8](repeating: 0, count: (4 << 20) + 1))
        }
        #expect(code(outcome) == .resourceExhausted)
        _ = sent.wait()
        let next = try call()
        _ = peer.receiveFrame()
        try peer.send(TTRPCResponse(payload: [3]), on: 3)
        #expect(try next.wait()?.get() == [3])
    }

    @Test("a stream in answer to a call of one message fails it")
    func streamForCall() throws {
        let outcome = try call()
        _ = peer.receiveFrame()
        try peer.send(TTRPCFrame(.data, streamID: 1, data: [1]))
        #expect(code(outcome) == .internalError)
    }

    @Test("no answer at all: the call gives up by itself, and its late answer is ignored")
    func never() throws {
        let outcome = try call(timeout: .milliseconds(80))
        #expect(code(outcome) == .deadlineExceeded)
        _ = peer.receiveFrame()
        try peer.send(TTRPCResponse(payload: [1]), on: 1)
        let next = try call()
        #expect(peer.receiveFrame()?.header.streamID == 3)
        try peer.send(TTRPCResponse(payload: [3]), on: 3)
        #expect(try next.wait()?.get() == [3])
    }

    @Test("garbage is no answer; the connection's end is Unavailable for all who wait, and for later calls")
    func garbage() throws {
        let outcomes = [try call(), try call()]
        _ = peer.receiveFrame()
        _ = peer.receiveFrame()
        try peer.send(Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8))
        peer.close()
        for outcome in outcomes { #expect(code(outcome) == .unavailable) }
        #expect(eventually { client.isClosed })
        #expect(code(try call()) == .unavailable)
    }

    @Test("a server that closes in the middle of an answer is gone")
    func cut() throws {
        let outcome = try call()
        _ = peer.receiveFrame()
        try peer.send(hexBytes("00 00 00 08 | 00 00 00 01 | 02 | 00   12"))
        peer.endSending()
        #expect(code(outcome) == .unavailable)
    }

    @Test("close ends calls that wait, and the server sees it")
    func close() throws {
        let outcome = try call()
        _ = peer.receiveFrame()
        client.close()
        #expect(code(outcome) == .unavailable)
        #expect(peer.isAtEnd())
        #expect(client.isClosed)
        client.close()
    }

    @Test("dropping the client closes the connection")
    func drop() throws {
        let peer: RawPeer
        do {
            let pipe = try TTRPCPipe.clientAndPeer()
            peer = pipe.peer
            #expect(!pipe.client.isClosed)
        }
        #expect(peer.isAtEnd())
    }

    @Test("a message over 4 MiB is not sent")
    func oversizeRequest() throws {
        do throws(TTRPCStatus) {
            _ = try client.call("s", "m", [UInt8](repeating: 0, count: 4 << 20))
            Issue.record("it was answered")
        } catch { #expect(error.code == .resourceExhausted) }
        _ = try call(timeout: .milliseconds(10))
        #expect(peer.receiveFrame()?.data == hexBytes("0a 01 's' 12 01 'm' 20 80 ad e2 04"))
    }

    @Test("a server that does not read holds a call up for its time only; what had begun is completed first")
    func serverDoesNotRead() throws {
        let client = client
        let big = [UInt8](repeating: 3, count: 3 << 20)
        let outcome = try onThread { () -> TTRPCCode in
            do throws(TTRPCStatus) {
                _ = try client.call("s", "big", big, timeout: .milliseconds(150))
                return .ok
            } catch { return error.code }
        }
        #expect(outcome.wait() == .deadlineExceeded)
        let stuck = try call(timeout: .milliseconds(50))
        #expect(code(stuck) == .deadlineExceeded)
        let next = try call(timeout: .seconds(10))
        let first = try #require(peer.receiveFrame())
        #expect(try TTRPCRequest(parsing: first.data).payload == big)
        let second = try #require(peer.receiveFrame())
        #expect(second.header.streamID > first.header.streamID)
        #expect(try TTRPCRequest(parsing: second.data).method == "m")
        try peer.send(TTRPCResponse(payload: [1]), on: second.header.streamID)
        #expect(try next.wait()?.get() == [1])
    }
}
