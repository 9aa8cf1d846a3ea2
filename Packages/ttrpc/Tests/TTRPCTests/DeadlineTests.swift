// SPDX-License-Identifier: Apache-2.0
import Glibc
import TTRPC
import TTRPCTestSupport
import Testing

@Suite struct DeadlineTests {
    let service = EchoService()
    let server: TTRPCServer

    init() { server = TTRPCServer(services: [service]) }

    @Test("the handler hears how long its caller waits")
    func timeRemaining() throws {
        let client = try TTRPCPipe.client(of: server)
        #expect(try client.call("test.Echo", "Time", [], timeout: .seconds(60)) == [1])
        #expect(try client.call("test.Echo", "Time", []) == [0])
    }

    @Test("at the deadline the server answers by itself, tells the handler, and drops what that answers later")
    func serverDeadline() throws {
        let peer = try TTRPCPipe.peer(of: server)
        try peer.send(TTRPCRequest(service: "test.Echo", method: "Wait", timeoutNanoseconds: 50_000_000), on: 1)
        let first = try #require(peer.receiveResponse())
        #expect(first.id == 1 && first.response.failure?.code == .deadlineExceeded)
        #expect(eventually { service.cancelledCount == 1 })

        // A handler that does not listen.
        try peer.send(TTRPCRequest(service: "test.Echo", method: "Stubborn", timeoutNanoseconds: 50_000_000), on: 3)
        let second = try #require(peer.receiveResponse())
        #expect(second.id == 3 && second.response.failure?.code == .deadlineExceeded)
        #expect(eventually { service.activeCount == 0 })
        try peer.send(TTRPCRequest(service: "test.Echo", method: "Echo", payload: [4]), on: 5)
        let third = try #require(peer.receiveResponse())
        #expect(third.id == 5 && third.response == TTRPCResponse(payload: [4]))
    }

    @Test("of many deadlines each ends its own call, in whatever order they come")
    func manyDeadlines() throws {
        let client = try TTRPCPipe.client(of: server)
        let codes = try onThreads(20) { index in
            do throws(TTRPCStatus) {
                _ = try client.call("test.Echo", "Wait", [], timeout: .milliseconds(200 - index * 8))
                return TTRPCCode.ok
            } catch { return error.code }
        }
        #expect(codes == Array(repeating: .deadlineExceeded, count: 20))
        #expect(eventually { service.cancelledCount == 20 })
    }

    @Test("a call without time left is not made, and the longest time there is is no overflow")
    func extremes() throws {
        let client = try TTRPCPipe.client(of: server)
        for timeout in [Duration.zero, .seconds(-1), .seconds(Int64.min)] {
            do throws(TTRPCStatus) {
                _ = try client.call("test.Echo", "Echo", [], timeout: timeout)
                Issue.record("it was made")
            } catch { #expect(error.code == .deadlineExceeded) }
        }
        #expect(try client.call("test.Echo", "Echo", [1], timeout: .seconds(Int64.max)) == [1])
        let peer = try TTRPCPipe.peer(of: server)
        try peer.send(TTRPCRequest(service: "test.Echo", method: "Echo", timeoutNanoseconds: .max), on: 1)
        #expect(peer.receiveResponse()?.response == TTRPCResponse(payload: []))
        try peer.send(TTRPCRequest(service: "test.Echo", method: "Echo", timeoutNanoseconds: .min), on: 3)
        #expect(peer.receiveResponse()?.response.failure?.code == .deadlineExceeded)
    }

    @Test("a stream has a deadline too: both ends hear it")
    func stream() throws {
        let client = try TTRPCPipe.client(of: server)
        let stream = try client.stream("test.Echo", "Chat", timeout: .milliseconds(500))
        try stream.send([1])
        #expect(try stream.receive() == [1])
        do throws(TTRPCStatus) {
            _ = try stream.receive()
            Issue.record("it went on")
        } catch { #expect(error.code == .deadlineExceeded) }
        #expect(eventually { service.activeCount == 0 })
    }

    @Test("metadata reaches the handler, several values of a key in their order")
    func metadata() throws {
        let client = try TTRPCPipe.client(of: server)
        var metadata = TTRPCMetadata([("containerd-namespace-ttrpc", "k8s.io")])
        metadata.append("Containerd-Namespace-TTRPC", "x")
        let answer = try client.call("test.Echo", "Metadata", [], metadata: metadata)
        #expect(answer == Array("k8s.io,x".utf8))
    }
}
