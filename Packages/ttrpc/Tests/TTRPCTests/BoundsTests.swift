// SPDX-License-Identifier: Apache-2.0
import Glibc
import TTRPC
import TTRPCTestSupport
import Testing

/// What one client may take, and that it takes it from itself only.
@Suite struct BoundsTests {
    let service = EchoService()

    func server(_ change: (inout TTRPCServerOptions) -> Void) -> TTRPCServer {
        var options = TTRPCServerOptions()
        change(&options)
        return TTRPCServer(services: [service], options: options)
    }

    @Test("512 calls may be active; the next is ResourceExhausted, and has room when one has ended")
    func calls() throws {
        let server = server { _ in }
        let peer = try TTRPCPipe.peer(of: server)
        for index in 0..<UInt32(512) {
            try peer.send(
                TTRPCRequest(service: "test.Echo", method: index == 0 ? "Chat" : "Wait"), on: index * 2 + 1,
                flags: index == 0 ? .remoteOpen : [])
        }
        try peer.send(TTRPCRequest(service: "test.Echo", method: "Echo"), on: 1025)
        let refused = try #require(peer.receiveResponse())
        #expect(refused.id == 1025 && refused.response.failure?.code == .resourceExhausted)
        // Others are not affected.
        #expect(try TTRPCPipe.client(of: server).call("test.Echo", "Echo", [1]) == [1])

        try peer.send(TTRPCFrame(.data, streamID: 1, flags: [.remoteClosed, .noData]))
        #expect(peer.receiveFrame()?.header.flags == [.remoteClosed, .noData])
        #expect(eventually { service.activeCount == 511 })
        usleep(20_000)
        try peer.send(TTRPCRequest(service: "test.Echo", method: "Echo", payload: [2]), on: 1027)
        #expect(peer.receiveResponse()?.response == TTRPCResponse(payload: [2]))
        peer.close()
        #expect(eventually { service.activeCount == 0 && server.connectionCount == 0 })
    }

    @Test("messages that are pending take a bounded number of bytes; what is over is ResourceExhausted")
    func bytes() throws {
        let server = server { $0.maximumPendingBytes = 1 << 20 }
        let peer = try TTRPCPipe.peer(of: server)
        let big = [UInt8](repeating: 1, count: 900 << 10)
        try peer.send(TTRPCRequest(service: "test.Echo", method: "Wait", payload: big), on: 1)
        try peer.send(TTRPCRequest(service: "test.Echo", method: "Echo", payload: big), on: 3)
        let refused = try #require(peer.receiveResponse())
        #expect(refused.id == 3 && refused.response.failure?.code == .resourceExhausted)
        try peer.send(TTRPCRequest(service: "test.Echo", method: "Echo", payload: [1]), on: 5)
        #expect(peer.receiveResponse()?.response == TTRPCResponse(payload: [1]))
    }

    @Test("a handler that does not read its stream ends it after a while; the connection goes on")
    func slowHandler() throws {
        let server = server {
            $0.maximumStreamBytes = 100_000
            $0.streamPatience = .milliseconds(50)
        }
        let peer = try TTRPCPipe.peer(of: server)
        try peer.send(TTRPCRequest(service: "test.Echo", method: "Idle"), on: 1, flags: .remoteOpen)
        for _ in 0..<4 { try peer.send(TTRPCFrame(.data, streamID: 1, data: [UInt8](repeating: 0, count: 40_000))) }
        let ended = try #require(peer.receiveResponse())
        #expect(ended.id == 1 && ended.response.failure?.code == .resourceExhausted)
        #expect(eventually { service.activeCount == 0 })
        // A message that is longer than the bound has room when it is alone.
        try peer.send(TTRPCRequest(service: "test.Echo", method: "Chat"), on: 3, flags: .remoteOpen)
        let long = TTRPCFrame(.data, streamID: 3, data: [UInt8](repeating: 8, count: 300_000))
        try peer.send(long)
        // The answer to the fourth message of the stream that was ended before.
        #expect(peer.receiveResponse()?.response.failure?.code == .invalidArgument)
        #expect(peer.receiveFrame() == long)
    }

    @Test("a client that does not read its stream loses that stream, and its calls go on")
    func slowClientStream() throws {
        var options = TTRPCClientOptions()
        options.maximumStreamBytes = 200_000
        options.streamPatience = .milliseconds(50)
        let server = server { _ in }
        let client = try TTRPCPipe.client(of: server, options: options)
        let stream = try client.stream("test.Echo", "Flood", request: [])
        #expect(try client.call("test.Echo", "Echo", [1], timeout: .seconds(9)) == [1])
        do throws(TTRPCStatus) {
            // Slower than the connection's patience, whatever was read before.
            for _ in 0..<100 {
                _ = try stream.receive()
                usleep(100_000)
            }
            Issue.record("a stream that nobody kept up with went on")
        } catch { #expect(error.code == .resourceExhausted) }
    }

    @Test("a stream that sends without pause lets the calls of its connection through")
    func fairTurns() throws {
        let server = server { _ in }
        let client = try TTRPCPipe.client(of: server)
        let stream = try client.stream("test.Echo", "Flood", request: [])
        let reader = try onThread {
            while let message = try? stream.receive(), !message.isEmpty {}
            return true
        }
        for index in 0..<30 {
            let message = [UInt8(index)]
            #expect(try client.call("test.Echo", "Echo", message, timeout: .seconds(9)) == message)
        }
        client.close()
        #expect(reader.wait() == true)
    }

    @Test("a client that reads nothing blocks nobody else, and what it is owed is bounded")
    func clientDoesNotRead() throws {
        let server = server { _ in }
        let peer = try TTRPCPipe.peer(of: server)
        let sender = try onThread {
            // Refusals without end, none of them read: at some time the server stops to read too.
            let frames = (0..<1000).flatMap { _ in TTRPCFrame(.request, streamID: 2).encoded() }
            for _ in 0..<10_000 {
                guard (try? peer.send(frames)) != nil else { return true }
            }
            return false
        }
        let client = try TTRPCPipe.client(of: server)
        for _ in 0..<50 { #expect(try client.call("test.Echo", "Echo", [1], timeout: .seconds(5)) == [1]) }
        usleep(300_000)
        #expect(!sender.isSet)
        peer.close()
        #expect(sender.wait() == true)
        #expect(eventually { server.connectionCount == 1 })
    }
}
