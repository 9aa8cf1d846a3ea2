// SPDX-License-Identifier: Apache-2.0
import Glibc
import TTRPC
import TTRPCTestSupport
import Testing
import VMMSysUtil

/// Listening, and the end.
@Suite struct ServerTests {
    let service = EchoService()

    func server(_ timeout: Duration = .seconds(10)) -> TTRPCServer {
        var options = TTRPCServerOptions()
        options.shutdownTimeout = timeout
        options.maximumConnections = 3
        return TTRPCServer(services: [service], options: options)
    }

    @Test("a listener's clients are served, up to the bound; the next is closed, and there is room again later")
    func listening() throws {
        let server = server()
        let socket = try UnixListener()
        try server.start(listener: try socket.take())
        var clients = [try socket.client(), try socket.client(), try socket.client()]
        for client in clients { #expect(try client.call("test.Echo", "Echo", [1]) == [1]) }
        let fourth = try socket.client()
        #expect(eventually { fourth.isClosed })
        clients.removeLast()
        #expect(eventually { server.connectionCount == 2 })
        #expect(try socket.client().call("test.Echo", "Echo", [2]) == [2])
        server.shutdown()
        #expect(eventually { clients[0].isClosed })
        #expect(eventually { !socket.isOpen })
    }

    @Test("a shutdown waits for active calls, which are answered; new ones are Unavailable; idle connections end")
    func waits() throws {
        let server = server()
        let busy = try TTRPCPipe.client(of: server)
        let idle = try TTRPCPipe.client(of: server)
        #expect(try idle.call("test.Echo", "Echo", [1]) == [1])
        let slow = try onThread { try? busy.call("test.Echo", "Sleep", [200]) }
        #expect(eventually { service.activeCount == 1 })
        server.beginShutdown()
        do throws(TTRPCStatus) {
            _ = try busy.call("test.Echo", "Echo", [])
            Issue.record("a new call was answered")
        } catch { #expect(error.code == .unavailable) }
        server.shutdown()
        #expect(slow.wait() == .some(.some([200])))
        #expect(eventually { idle.isClosed && busy.isClosed })
        #expect(server.connectionCount == 0)
        let late = try TTRPCPipe.client(of: server)
        #expect(eventually { late.isClosed })
    }

    @Test("a shutdown cancels what does not end in time, and returns")
    func cancels() throws {
        let server = server(.milliseconds(100))
        let client = try TTRPCPipe.client(of: server)
        let outcome = try onThread {
            Result { () throws(TTRPCStatus) in try client.call("test.Echo", "Wait", []) }
        }
        #expect(eventually { service.activeCount == 1 })
        server.shutdown()
        #expect(eventually { service.activeCount == 0 })
        guard case .failure(let status) = outcome.wait() else { throw TTRPCStatus(.unknown, "it was answered") }
        #expect(status.code == .unavailable)
    }

    @Test("a handler may begin the shutdown, and is answered")
    func fromHandler() throws {
        let stopper = Stopper()
        let other = TTRPCServer(services: [stopper])
        stopper.stop.set { other.beginShutdown() }
        let client = try TTRPCPipe.client(of: other)
        #expect(try client.call("test.Stop", "Shutdown", []) == [])
        other.waitForShutdown()
        other.shutdown()
        #expect(eventually { client.isClosed })
    }
}

/// A service that ends its server.
final class Stopper: TTRPCService {
    let name = "test.Stop"
    let stop = Outcome<@Sendable () -> Void>()

    func unary(_ method: String, _ request: [UInt8], _ call: TTRPCCall) throws(TTRPCStatus) -> [UInt8] {
        stop.wait()?()
        return []
    }
}
