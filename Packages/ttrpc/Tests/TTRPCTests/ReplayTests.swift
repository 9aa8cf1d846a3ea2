// SPDX-License-Identifier: Apache-2.0
import TTRPC
import TTRPCTestSupport
import Testing

/// Exchanges byte for byte, written down from the format: what containerd sends, and what it must get.
@Suite struct ReplayTests {
    let task = ScriptedService("containerd.task.v2.Task") { method, request throws(TTRPCStatus) in
        switch method {
        case "Create": return hexBytes("08 2a")  // CreateTaskResponse{pid 1: 42}
        case "State":
            if request == hexBytes("0a 02 't2'") { throw TTRPCStatus(.notFound, "no t2") }
            // StateResponse{id 1, bundle 2, pid 3, status 4: RUNNING}
            return hexBytes("0a 02 't1' 12 02 '/b' 18 2a 20 02")
        case "Kill": return []
        default: throw .unimplemented("containerd.task.v2.Task", method)
        }
    }

    @Test("containerd 1.6: Create and State on one connection")
    func create() throws {
        let peer = try TTRPCPipe.peer(of: TTRPCServer(services: [task]))
        // CreateTaskRequest{id 1: t1, bundle 2: /b, stdout 6: /o}, no timeout.
        try peer.send(
            hexBytes(
                """
                00 00 00 56 | 00 00 00 01 | 01 | 00
                0a 17 'containerd.task.v2.Task' 12 06 'Create' 1a 0c 0a 02 't1' 12 02 '/b' 32 02 '/o'
                2a 25 0a 1a 'containerd-namespace-ttrpc' 12 07 'default'
                """))
        #expect(peer.receive(14) == hexBytes("00 00 00 04 | 00 00 00 01 | 02 | 00   12 02 08 2a"))

        try peer.send(hexBytes("00 00 00 53 | 00 00 00 03 | 01 | 00") + WireTests.stateRequest)
        #expect(
            peer.receive(24)
                == hexBytes("00 00 00 0e | 00 00 00 03 | 02 | 00   12 0c 0a 02 't1' 12 02 '/b' 18 2a 20 02"))
        #expect(task.methods == ["Create", "State"])
    }

    @Test("an answer without fields is a frame without data")
    func empty() throws {
        let peer = try TTRPCPipe.peer(of: TTRPCServer(services: [task]))
        try peer.send(
            hexBytes("00 00 00 1f | 00 00 00 01 | 01 | 00  0a 17 'containerd.task.v2.Task' 12 04 'Kill'"))
        #expect(peer.receive(10) == hexBytes("00 00 00 00 | 00 00 00 01 | 02 | 00"))
    }

    @Test("a failure is a status, and nothing else")
    func failure() throws {
        let peer = try TTRPCPipe.peer(of: TTRPCServer(services: [task]))
        try peer.send(
            hexBytes(
                """
                00 00 00 26 | 00 00 00 01 | 01 | 00
                0a 17 'containerd.task.v2.Task' 12 05 'State' 1a 04 0a 02 't2'
                """))
        #expect(peer.receive(21) == hexBytes("00 00 00 0b | 00 00 00 01 | 02 | 00   0a 09 08 05 12 05 'no t2'"))
    }

    @Test("containerd 1.7: a trace beside the namespace, fields that came later, and requests in one write")
    func traced() throws {
        let peer = try TTRPCPipe.peer(of: TTRPCServer(services: [task]))
        let kill = """
            0a 17 'containerd.task.v2.Task' 12 04 'Kill' 20 80 e4 97 d0 12
            2a 0f 0a 0b 'traceparent' 12 00  2a 25 0a 1a 'containerd-namespace-ttrpc' 12 07 'default'  32 01 00
            """
        try peer.send(
            hexBytes("00 00 00 60 | 00 00 00 01 | 01 | 00" + kill)
                + hexBytes("00 00 00 60 | 00 00 00 03 | 01 | 00" + kill))
        var answers = Set([peer.receive(10), peer.receive(10)])
        #expect(answers.remove(hexBytes("00 00 00 00 | 00 00 00 01 | 02 | 00")) != nil)
        #expect(answers.remove(hexBytes("00 00 00 00 | 00 00 00 03 | 02 | 00")) != nil)
    }

    @Test("protocol 1.2: a client streams two messages and gets one answer")
    func clientStream() throws {
        let peer = try TTRPCPipe.peer(of: TTRPCServer(services: [EchoService()]))
        try peer.send(hexBytes("00 00 00 10 | 00 00 00 01 | 01 | 02   0a 09 'test.Echo' 12 03 'Sum'"))
        try peer.send(hexBytes("00 00 00 02 | 00 00 00 01 | 03 | 00   01 02"))
        try peer.send(hexBytes("00 00 00 01 | 00 00 00 01 | 03 | 00   04"))
        try peer.send(hexBytes("00 00 00 00 | 00 00 00 01 | 03 | 05"))
        #expect(peer.receive(13) == hexBytes("00 00 00 03 | 00 00 00 01 | 02 | 00   12 01 07"))
    }

    @Test("protocol 1.2: the last message may close the client's side itself")
    func closingMessage() throws {
        let peer = try TTRPCPipe.peer(of: TTRPCServer(services: [EchoService()]))
        try peer.send(hexBytes("00 00 00 10 | 00 00 00 01 | 01 | 02   0a 09 'test.Echo' 12 03 'Sum'"))
        try peer.send(hexBytes("00 00 00 02 | 00 00 00 01 | 03 | 01   01 02"))
        #expect(peer.receive(13) == hexBytes("00 00 00 03 | 00 00 00 01 | 02 | 00   12 01 03"))
    }

    @Test("protocol 1.2: a server streams messages, and ends with a frame without data")
    func serverStream() throws {
        let peer = try TTRPCPipe.peer(of: TTRPCServer(services: [EchoService()]))
        try peer.send(hexBytes("00 00 00 15 | 00 00 00 01 | 01 | 01   0a 09 'test.Echo' 12 05 'Count' 1a 01 02"))
        #expect(
            peer.receive(32)
                == hexBytes(
                    """
                    00 00 00 01 | 00 00 00 01 | 03 | 00   00
                    00 00 00 01 | 00 00 00 01 | 03 | 00   01
                    00 00 00 00 | 00 00 00 01 | 03 | 05
                    """))
    }

    @Test("protocol 1.2: both sides stream, messages of no bytes too")
    func bidirectional() throws {
        let peer = try TTRPCPipe.peer(of: TTRPCServer(services: [EchoService()]))
        try peer.send(hexBytes("00 00 00 11 | 00 00 00 01 | 01 | 02   0a 09 'test.Echo' 12 04 'Chat'"))
        for message in ["00 00 00 01 | 00 00 00 01 | 03 | 00   61", "00 00 00 00 | 00 00 00 01 | 03 | 00"] {
            let bytes = hexBytes(message)
            try peer.send(bytes)
            #expect(peer.receive(bytes.count) == bytes)
        }
        try peer.send(hexBytes("00 00 00 00 | 00 00 00 01 | 03 | 05"))
        #expect(peer.receive(10) == hexBytes("00 00 00 00 | 00 00 00 01 | 03 | 05"))
    }

    @Test("what a client sends, to the byte")
    func client() throws {
        let (client, peer) = try TTRPCPipe.clientAndPeer()
        let outcome = try onThread {
            try? client.call(
                "containerd.task.v2.Task", "State", hexBytes("0a 02 't1'"),
                metadata: TTRPCMetadata([("Containerd-Namespace-TTRPC", "default")]))
        }
        #expect(
            peer.receive(87)
                == hexBytes(
                    """
                    00 00 00 4d | 00 00 00 01 | 01 | 00
                    0a 17 'containerd.task.v2.Task' 12 05 'State' 1a 04 0a 02 't1'
                    2a 25 0a 1a 'containerd-namespace-ttrpc' 12 07 'default'
                    """))
        try peer.send(hexBytes("00 00 00 03 | 00 00 00 01 | 02 | 00   12 01 05"))
        #expect(outcome.wait() == .some(.some([5])))
        let second = try onThread { try? client.call("s", "m", []) }
        #expect(peer.receive(16) == hexBytes("00 00 00 06 | 00 00 00 03 | 01 | 00   0a 01 's' 12 01 'm'"))
        client.close()
        #expect(second.wait() == .some(nil))
    }
}
