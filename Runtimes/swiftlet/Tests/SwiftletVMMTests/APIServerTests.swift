// SPDX-License-Identifier: Apache-2.0
import Glibc
import SwiftletVMM
import Testing
import VMMSysUtil

/// The server on a socket of its own, with clients that send bytes.
@Suite(.serialized) struct APIServerTests {
    /// A server whose commands a thread carries out, as the machine's would.
    private final class Running {
        let folder: TemporaryFolder
        let path: String
        private let server: APIServer
        private let stopped: EventFD
        private var threads: [ThreadBox] = []

        private final class ThreadBox {
            private var thread: Thread?
            init(_ thread: consuming Thread) { self.thread = consume thread }
            func join() { if let thread = thread.take() { try? thread.join() } }
        }

        init() throws {
            folder = try TemporaryFolder()
            path = folder.path + "/api"
            let info = InstanceInfo(id: "test", version: "1")
            let controller = try APIController(VMSettings(), info: info)
            server = try APIServer(path: path, controller: controller, info: info, payloadLimit: 1000)
            stopped = try EventFD()
            let confined = Confined(controller)
            threads.append(ThreadBox(try server.start()))
            let stop = try stopped.duplicate()
            let box = Held(stop)
            threads.append(
                ThreadBox(
                    try Thread(name: "machine") {
                        confined.value.serveUntilReadable(box.event.descriptor)
                        confined.value.close()
                    }))
        }

        func end() {
            try? stopped.write()
            server.stop()
            for thread in threads { thread.join() }
        }
    }

    private struct Confined: @unchecked Sendable {
        let value: APIController
        init(_ value: APIController) { self.value = value }
    }

    private final class Held: Sendable {
        let event: EventFD
        init(_ event: consuming EventFD) { self.event = event }
    }

    private struct Client: ~Copyable {
        let socket: FileDescriptor

        init(_ path: String) throws {
            socket = try UnixSocket.connect(path)
            var limit = timeval(tv_sec: 20, tv_usec: 0)
            setsockopt(socket.rawValue, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        }

        func send(_ text: String) throws { try Array(text.utf8).withUnsafeBytes { try socket.writeAll(from: $0) } }

        /// Whatever comes next, until the text ends so; all there is until the end without one.
        func receive(until end: String? = nil) throws -> String {
            var text = ""
            var chunk = [UInt8](repeating: 0, count: 65536)
            while end.map({ !text.hasSuffix($0) }) ?? true {
                let count = try chunk.withUnsafeMutableBytes { try socket.read(into: $0) }
                if count == 0 { break }
                text += String(decoding: chunk[..<count], as: UTF8.self)
            }
            return text
        }
    }

    private static let version = #"{"firecracker_version":"1"}"#

    @Test("requests in a row are answered in order on one connection")
    func pipelining() throws {
        let running = try Running()
        defer { running.end() }
        let client = try Client(running.path)
        var text = ""
        for _ in 0..<100 { text += "GET /version HTTP/1.1\r\n\r\nGET /machine-config HTTP/1.1\r\n\r\n" }
        try client.send(text + "GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
        let answers = try client.receive()
        #expect(answers.split(separator: "HTTP/1.1 200 OK").count == 201)
        #expect(answers.hasSuffix(#""app_name":"swiftlet"}"#))
        let kinds = answers.split(separator: "\r\n").filter { $0.hasPrefix("{") }.map { $0.prefix(5) }
        #expect(kinds.prefix(200).enumerated().allSatisfy { $1 == ($0 % 2 == 0 ? "{\"fir" : "{\"vcp") })
    }

    @Test("who waits for 100 Continue gets it, then the answer")
    func expectation() throws {
        let running = try Running()
        defer { running.end() }
        let client = try Client(running.path)
        try client.send("PUT /entropy HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        #expect(try client.receive(until: "\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n")
        try client.send("{}")
        #expect(try client.receive(until: "\r\n\r\n").hasPrefix("HTTP/1.1 204 No Content\r\n"))
    }

    @Test("a client that ends its half after the request still gets the answer")
    func halfClosed() throws {
        let running = try Running()
        defer { running.end() }
        let client = try Client(running.path)
        try client.send("GET /version HTTP/1.1\r\n\r\n")
        shutdown(client.socket.rawValue, Int32(SHUT_WR))
        #expect(try client.receive().hasSuffix(Self.version))
    }

    @Test("a body over the limit is refused while it is still being sent, and the connection ends")
    func tooLong() throws {
        let running = try Running()
        defer { running.end() }
        let client = try Client(running.path)
        try client.send("PUT /entropy HTTP/1.1\r\nContent-Length: 3000000\r\n\r\n")
        try client.send(String(repeating: "x", count: 3_000_000))
        let answer = try client.receive()
        #expect(answer.hasPrefix("HTTP/1.1 400 Bad Request\r\n"))
        #expect(answer.contains("size 3000000 is larger than the limit of 1000"))
    }

    @Test("clients that say half a request, or read nothing, keep no other one out")
    func hostileClients() throws {
        let running = try Running()
        defer { running.end() }
        var hostile: [Int32] = []
        defer { for number in hostile { close(number) } }
        for index in 0..<30 {
            let client = try Client(running.path)
            try client.send("PUT /entropy HTTP/1.1\r\nContent-Length: 10\r\n\r\nx")
            if index % 3 == 0 {
                // Asks and asks, and never reads.
                try client.socket.setNonBlocking()
                let text = Array(String(repeating: "GET /vm/config HTTP/1.1\r\n\r\n", count: 10000).utf8)
                _ = try? text.withUnsafeBytes { try client.socket.write(from: $0) }
            }
            hostile.append(dup(client.socket.rawValue))
        }
        for _ in 0..<20 {
            let client = try Client(running.path)
            try client.send("GET /version HTTP/1.1\r\nConnection: close\r\n\r\n")
            #expect(try client.receive().hasSuffix(Self.version))
        }
    }

    @Test("a client that does not take its answers is sent away, and one that owes nothing may stay silent")
    func patience() throws {
        let running = try Running()
        defer { running.end() }
        let silent = try Client(running.path)
        let deaf = try Client(running.path)
        try deaf.socket.setNonBlocking()
        let text = Array(String(repeating: "GET /vm/config HTTP/1.1\r\n\r\n", count: 10000).utf8)
        _ = try text.withUnsafeBytes { try deaf.socket.write(from: $0) }
        var entry = pollfd(fd: deaf.socket.rawValue, events: 0, revents: 0)
        #expect(poll(&entry, 1, 1000) == 0)
        #expect(poll(&entry, 1, 20_000) == 1)
        #expect(Int32(entry.revents) & Int32(POLLHUP) != 0)
        try silent.send("GET /version HTTP/1.1\r\nConnection: close\r\n\r\n")
        #expect(try silent.receive().hasSuffix(Self.version))
    }

    @Test("the socket's file must not exist, and goes with the server")
    func socketFile() throws {
        let running = try Running()
        #expect(access(running.path, F_OK) == 0)
        let info = InstanceInfo(id: "test", version: "1")
        let controller = try APIController(VMSettings(), info: info)
        #expect(throws: Errno.addressInUse) {
            try APIServer(path: running.path, controller: controller, info: info, payloadLimit: 1000)
        }
        #expect(access(running.path, F_OK) == 0)
        running.end()
    }
}
