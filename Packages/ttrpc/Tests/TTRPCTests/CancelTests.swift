// SPDX-License-Identifier: Apache-2.0
import Synchronization
import TTRPC
import TTRPCTestSupport
import Testing

@Suite struct CancelTests {
    let service = EchoService()
    let server: TTRPCServer

    init() { server = TTRPCServer(services: [service]) }

    @Test("a client that goes cancels its calls and streams, whether it closes or only stops to send")
    func clientGone() throws {
        for onlySending in [false, true] {
            let peer = try TTRPCPipe.peer(of: server)
            for id: UInt32 in [1, 3, 5] { try peer.send(TTRPCRequest(service: "test.Echo", method: "Wait"), on: id) }
            for method in ["Idle", "Chat", "Sum"] {
                let id: UInt32 = method == "Idle" ? 7 : method == "Chat" ? 9 : 11
                try peer.send(TTRPCRequest(service: "test.Echo", method: method), on: id, flags: .remoteOpen)
            }
            #expect(eventually { service.activeCount == 6 })
            if onlySending { peer.endSending() } else { peer.close() }
            #expect(eventually { service.activeCount == 0 })
            #expect(eventually { server.connectionCount == 0 })
        }
    }

    @Test("a client that goes in the middle of a frame is gone")
    func cutFrame() throws {
        let peer = try TTRPCPipe.peer(of: server)
        try peer.send(TTRPCRequest(service: "test.Echo", method: "Wait"), on: 1)
        try peer.send(hexBytes("00 00 00 10 | 00 00 00 03 | 01 | 00  0a"))
        #expect(eventually { service.activeCount == 1 })
        peer.close()
        #expect(eventually { server.connectionCount == 0 })
    }

    @Test("a client that goes while an answer is written harms nobody: no SIGPIPE")
    func goneWhileWriting() throws {
        for _ in 0..<20 {
            let peer = try TTRPCPipe.peer(of: server)
            try peer.send(
                TTRPCRequest(service: "test.Echo", method: "Echo", payload: [UInt8](repeating: 1, count: 2 << 20)),
                on: 1)
            try peer.send(TTRPCRequest(service: "test.Echo", method: "Flood"), on: 3, flags: .remoteClosed)
            _ = peer.receive(100)
            peer.close()
        }
        #expect(eventually { server.connectionCount == 0 })
    }

    @Test("an action runs once, at once if it comes too late, and never after the handler returned")
    func actions() {
        let count = Box(Atomic(0))
        let add: @Sendable () -> Void = { _ = count.value.add(1, ordering: .relaxed) }
        let call = TTRPCCall(service: "s", method: "m")
        call.onCancel(add)
        #expect(!call.isCancelled)
        call.cancel()
        call.cancel()
        #expect(call.isCancelled)
        #expect(count.value.load(ordering: .relaxed) == 1)
        call.onCancel(add)
        #expect(count.value.load(ordering: .relaxed) == 2)
        #expect(TTRPCCall(service: "s", method: "m", timeout: .zero).isCancelled)
        #expect(TTRPCCall(service: "s", method: "m", timeout: .seconds(9)).timeRemaining ?? .zero > .seconds(8))
    }
}
