// SPDX-License-Identifier: Apache-2.0
import Glibc
import NestProtocols
import NestResources
import SwiftProtobuf
import TTRPC
import Testing
import VMMSysUtil

@testable import NestShim

/// What a version of containerd sends with `start` and `delete`, for a container `t1` in the namespace `default`.
struct ContainerdVersion: Sendable, CustomTestStringConvertible {
    let name: String
    let hasNamedEnvironment: Bool
    /// In hexadecimal.
    let standardInput: [String]

    var testDescription: String { "containerd \(name)" }
    var input: [UInt8] { hexadecimal(standardInput) }

    func environment(_ address: String) -> [String] {
        let old = ["GOMAXPROCS=2", "TTRPC_ADDRESS=\(address).ttrpc"]
        return hasNamedEnvironment
            ? old + ["MAX_SHIM_VERSION=2", "GRPC_ADDRESS=\(address)", "NAMESPACE=default", "SCHED_CORE=1"] : old
    }

    func arguments(_ address: String, _ rest: [String]) -> [String] {
        ["-namespace", "default", "-address", address, "-publish-binary", "/usr/bin/containerd", "-id", "t1"] + rest
    }

    static let all = [
        // Nothing says which namespace but the flag.
        ContainerdVersion(name: "1.6", hasNamedEnvironment: false, standardInput: []),
        // The runtime's options are a google.protobuf.Any, where a client has some.
        ContainerdVersion(name: "1.7", hasNamedEnvironment: true, standardInput: runcOptions),
        ContainerdVersion(name: "2.0", hasNamedEnvironment: true, standardInput: runtimeOptions),
        ContainerdVersion(name: "2.0 without options", hasNamedEnvironment: true, standardInput: []),
        ContainerdVersion(name: "2.3", hasNamedEnvironment: true, standardInput: bootstrap),
    ]

    /// `ctr run --runc-binary runsc`.
    static let runcOptions = [
        "0a1a 636f6e7461696e6572642e72756e632e76312e4f7074696f6e73",  // 1 type_url: containerd.runc.v1.Options
        "1207",  // 2 value
        "3205 72756e7363",  //   6 binary_name: runsc
    ]
    /// `ctr run --runtime-config-path /etc/x`, and CRI's ConfigPath.
    static let runtimeOptions = [
        "0a19 72756e74696d656f7074696f6e732e76312e4f7074696f6e73",  // 1 type_url: runtimeoptions.v1.Options
        "1208",  // 2 value
        "1206 2f6574632f78",  //   2 config_path: /etc/x
    ]
    /// BootstrapParams, without a directory for the socket.
    static let bootstrap = [
        "0a02 7431",  // 1 instance_id: t1
        "1207 64656661756c74",  // 2 namespace: default
        "18fcffffffffffffffff01",  // 3 log_level: -4, which is debug
        "2205 322e332e34",  // 4 containerd_version: 2.3.4
        "2a11 2f72756e2f632e736f636b2e7474727063",  // 5 containerd_ttrpc_address: /run/c.sock.ttrpc
        "320b 2f72756e2f632e736f636b",  // 6 containerd_grpc_address: /run/c.sock
        "3a13 2f7573722f62696e2f636f6e7461696e657264",  // 7 containerd_binary: /usr/bin/containerd
    ]
}

/// The bytes of texts in hexadecimal; blanks do not count.
func hexadecimal(_ texts: [String]) -> [UInt8] {
    let digits = texts.joined().filter { $0 != " " }
    return stride(from: 0, to: digits.count, by: 2).compactMap { index in
        UInt8(digits.dropFirst(index).prefix(2), radix: 16)
    }
}

@Suite("Exchanges with versions of containerd", .enabled(if: getuid() == 0, "needs root for a socket in /run"))
struct ContainerdVersionTests {
    /// Where every version wants the socket, unless it says otherwise.
    private static let sockets = "/run/containerd/s"
    private let bundle: String
    private let address: String

    init() throws {
        bundle = try bundleDirectory()
        // No other containerd has this one, so the socket's name is nobody else's.
        address = bundle + "/c.sock"
    }

    @Test(
        "start answers with its plain address, which all parsers take; the task API answers; delete is protobuf alone",
        arguments: ContainerdVersion.all)
    func life(version: ContainerdVersion) throws {
        let socket = "\(Self.sockets)/\(SHA256.hexadecimal(of: "\(address)/default/t1"))"
        let start = try Program.run(
            version.arguments(address, ["-debug", "start"]), input: version.input, directory: bundle,
            environment: version.environment(address))
        #expect(start.status == 0)
        #expect(start.output == "unix://\(socket)")
        // 2.3 tries protobuf first, then JSON, then a plain address; before, JSON first.
        #expect(throws: (any Error).self) { try BootstrapBootstrapParams(serializedBytes: start.bytes) }
        #expect(Files.text("\(bundle)/address") == start.output)
        var status = stat()
        #expect(stat(socket, &status) == 0 && status.st_mode & 0o777 == 0o600)
        #expect(stat(Self.sockets, &status) == 0 && status.st_mode & 0o077 & ~0o011 == 0)

        let client = TTRPCClient(try UnixSocket.connect(socket))
        var connect = TaskConnectRequest()
        connect.id = "t1"
        let answer = try client.call(
            ServiceName.taskV2, "Connect", connect, as: TaskConnectResponse.self, timeout: .seconds(5))
        // Events go where this containerd says; what it says on standard input is only second.
        let server = "/proc/\(answer.shimPid)"
        #expect(Files.text("\(server)/environ")?.contains("TTRPC_ADDRESS=\(address).ttrpc\0") == true)
        #expect(Files.text("\(server)/cmdline")?.contains("\0-debug") == true)
        for descriptor in 0...2 { #expect(Self.link("\(server)/fd/\(descriptor)") == "/dev/null") }

        let delete = try Program.run(
            version.arguments(address, ["-bundle", bundle, "-debug", "delete"]), input: [], directory: bundle,
            environment: version.environment(address))
        #expect(delete.status == 0)
        #expect(try TaskDeleteResponse(serializedBytes: delete.bytes).exitStatus == 137)
        for _ in 0..<200 where access(socket, F_OK) == 0 { Thread.sleep(for: .milliseconds(20)) }
        #expect(access(socket, F_OK) != 0)
        // Fails while another shim is there.
        rmdir(Self.sockets)
        Directory.removeTree(bundle)
    }

    @Test("a containerd that says all on standard input and nothing in flags' stead is understood: address and level")
    func bootstrapAlone() throws {
        let start = try Program.run(
            ["-namespace", "default", "-id", "t1", "start"], input: hexadecimal(ContainerdVersion.bootstrap),
            directory: bundle)
        let socket = "\(Self.sockets)/\(SHA256.hexadecimal(of: "/run/c.sock/default/t1"))"
        #expect(start.status == 0 && start.output == "unix://\(socket)")
        let client = TTRPCClient(try UnixSocket.connect(socket))
        let answer = try client.call(
            ServiceName.taskV3, "Connect", TaskConnectRequest(), as: TaskConnectResponse.self, timeout: .seconds(5))
        let server = "/proc/\(answer.shimPid)"
        #expect(Files.text("\(server)/environ")?.contains("TTRPC_ADDRESS=/run/c.sock.ttrpc\0") == true)
        #expect(Files.text("\(server)/cmdline")?.contains("\0-debug") == true)
        try client.call(ServiceName.taskV3, "Shutdown", TaskShutdownRequest(), timeout: .seconds(5))
        for _ in 0..<200 where access(socket, F_OK) == 0 { Thread.sleep(for: .milliseconds(20)) }
        rmdir(Self.sockets)
        Directory.removeTree(bundle)
    }

    @Test("-info answers these very bytes, with the options that came or without")
    func information() throws {
        let name = ["0a15 696f2e636f6e7461696e6572642e6e6573742e7632"]  // 1 name: io.containerd.nest.v2
        let version = ["1207", "0a05 302e312e30"]  // 2 version, 1 version: 0.1.0
        let plain = try Program.run(["-info"], input: [], directory: bundle)
        #expect(plain.status == 0 && plain.bytes == hexadecimal(name + version))
        let options = try Program.run(
            ["-info"], input: hexadecimal(ContainerdVersion.runcOptions), directory: bundle)
        // 3 options, 37 bytes
        #expect(options.bytes == hexadecimal(name + version + ["1a25"] + ContainerdVersion.runcOptions))
        // Odd input is left out, not an error: containerd would only log it and know nothing of the runtime.
        let odd = try Program.run(["-info"], input: [0xFF, 0xFF], directory: bundle)
        #expect(odd.status == 0 && odd.bytes == plain.bytes)
        for flag in ["-v", "-version", "--version"] {
            let answer = try Program.run([flag], input: [], directory: bundle)
            #expect(answer.status == 0)
            #expect(answer.output == "containerd-shim-nest-v2 (io.containerd.nest.v2) 0.1.0\n")
        }
        Directory.removeTree(bundle)
    }

    private static func link(_ path: String) -> String {
        var buffer = [UInt8](repeating: 0, count: 256)
        let count = buffer.withUnsafeMutableBytes { bytes in
            bytes.withMemoryRebound(to: CChar.self) { text in
                text.baseAddress.map { readlink(path, $0, text.count) } ?? 0
            }
        }
        return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
    }
}
