// SPDX-License-Identifier: Apache-2.0
import TTRPC
import TTRPCTestSupport
import Testing

@Suite struct StreamTests {
    let service = EchoService()
    let server: TTRPCServer
    let client: TTRPCClient

    init() throws {
        server = TTRPCServer(services: [service])
        client = try TTRPCPipe.client(of: server)
    }

    func failure(_ body: () throws(TTRPCStatus) -> Void) -> TTRPCStatus? {
        do throws(TTRPCStatus) { try body() } catch { return error }
        return nil
    }

    @Test("a server streams its messages, and then the end, again and again")
    func serverStreaming() throws {
        let stream = try client.stream("test.Echo", "Count", request: [100])
        for index in 0..<100 { #expect(try stream.receive() == [UInt8(index)]) }
        #expect(try stream.receive() == nil)
        #expect(try stream.receive() == nil)
        #expect(failure { () throws(TTRPCStatus) in try stream.send([1]) }?.code == .failedPrecondition)
        let none = try client.stream("test.Echo", "Count", request: [])
        #expect(try none.receive() == nil)
    }

    @Test("a client streams its messages and gets one answer")
    func clientStreaming() throws {
        let stream = try client.stream("test.Echo", "Sum")
        for value: UInt8 in 1...20 { try stream.send([value, value]) }
        try stream.closeSend()
        try stream.closeSend()
        #expect(failure { () throws(TTRPCStatus) in try stream.send([1]) }?.code == .failedPrecondition)
        #expect(try stream.receive() == [UInt8(truncatingIfNeeded: 420)])
        #expect(try stream.receive() == nil)
    }

    @Test("both stream: messages of any size come back in order, and the half close ends it")
    func bidirectional() throws {
        let stream = try client.stream("test.Echo", "Chat")
        for count in [0, 1, 0, 70_000, 4 << 20] {
            let message = [UInt8](repeating: 5, count: count)
            try stream.send(message)
            #expect(try stream.receive() == message)
        }
        let tooLong = failure { () throws(TTRPCStatus) in
            try stream.send([UInt8](repeating: 5, count: (4 << 20) + 1))
        }
        #expect(tooLong?.code == .resourceExhausted)
        try stream.closeSend()
        #expect(try stream.receive() == nil)
    }

    @Test("fifty streams at a time, each with its own messages")
    func many() throws {
        let client = client
        let outcome = try onThreads(50) { index in
            guard let stream = try? client.stream("test.Echo", "Chat") else { return false }
            for round in 0..<40 {
                let message = [UInt8(index), UInt8(round)]
                guard (try? stream.send(message)) != nil, (try? stream.receive()) == message else { return false }
            }
            return (try? stream.closeSend()) != nil && (try? stream.receive()) == .some(nil)
        }
        #expect(outcome == Array(repeating: true, count: 50))
    }

    @Test("a failure comes after the messages before it")
    func failsLate() throws {
        let stream = try client.stream("test.Echo", "FailLate", request: [])
        #expect(try stream.receive() == [1])
        let expected = TTRPCStatus(.aborted, "in the middle")
        #expect(failure { () throws(TTRPCStatus) in _ = try stream.receive() } == expected)
        #expect(failure { () throws(TTRPCStatus) in _ = try stream.receive() } == expected)
        #expect(failure { () throws(TTRPCStatus) in try stream.send([1]) } != nil)
    }

    @Test("dropping a stream half-closes it, so that its handler ends")
    func dropped() throws {
        do {
            let stream = try client.stream("test.Echo", "Chat")
            try stream.send([1])
            #expect(service.activeCount == 1 || eventually { service.activeCount == 1 })
        }
        #expect(eventually { service.activeCount == 0 })
        #expect(try client.call("test.Echo", "Echo", [1]) == [1])
    }

    @Test("a stream keeps its connection open; without streams a dropped client is closed")
    func keepsClient() throws {
        let stream: TTRPCClientStream
        do {
            let other = try TTRPCPipe.client(of: server)
            stream = try other.stream("test.Echo", "Chat")
        }
        try stream.send([3])
        #expect(try stream.receive() == [3])
    }

    @Test("the connection's end is Unavailable for streams")
    func connectionGone() throws {
        let (client, peer) = try TTRPCPipe.clientAndPeer()
        let stream = try client.stream("s", "m")
        _ = peer.receiveFrame()
        peer.close()
        #expect(failure { () throws(TTRPCStatus) in _ = try stream.receive() }?.code == .unavailable)
        #expect(failure { () throws(TTRPCStatus) in try stream.send([1]) }?.code == .unavailable)
        #expect(failure { () throws(TTRPCStatus) in _ = try client.stream("s", "m") }?.code == .unavailable)
    }
}
