// SPDX-License-Identifier: Apache-2.0
import Glibc
import NestModel
import NestProtocols
import NestResources
import SwiftProtobuf
import TTRPC
import Testing
import VMMSysUtil

@testable import NestShim

@Suite("The command line")
struct ArgumentsTests {
    @Test("flags are read as Go's flag package reads them, in any order")
    func flags() throws {
        let real = try ShimArguments([
            "-namespace", "default", "-address", "/run/containerd/containerd.sock", "-publish-binary",
            "/usr/bin/containerd", "-id", "t1", "-debug", "start",
        ])
        #expect(real.action == .start && real.isDebug && real.id == "t1" && real.namespace == "default")
        let delete = try ShimArguments(["--id=t1", "-debug=false", "--namespace", "n", "-bundle", "/b", "delete"])
        #expect(delete.action == .delete && delete.bundle == "/b" && !delete.isDebug)
        #expect(try ShimArguments(["-namespace", "n"]).action == .serve)
        #expect(try ShimArguments(["-info"]).action == .info)
        #expect(try ShimArguments(["-version"]).action == .version)
    }

    @Test(
        "a line that no containerd writes is refused by what is wrong with it",
        arguments: [
            (["-id", "x", "start"], ShimArgumentsError.missing("namespace")),
            (["-namespace", "n", "start"], .missing("id")), (["-namespace", "n", "-x"], .unknownFlag("-x")),
            (["-namespace"], .needsValue("-namespace")), (["-namespace", "n", "go"], .unknownAction("go")),
            (["-debug=perhaps"], .badValue("-debug=perhaps")),
        ])
    func mistakes(words: [String], error: ShimArgumentsError) {
        #expect(throws: error) { try ShimArguments(words) }
    }

    @Test("SHA-256 of the standard's examples, and of a length at each edge of padding")
    func digest() {
        #expect(
            SHA256.hexadecimal(of: "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(SHA256.hexadecimal(of: "") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        #expect(
            SHA256.hexadecimal(of: "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")
                == "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")
        #expect(
            SHA256.hexadecimal(of: String(repeating: "a", count: 55))
                == "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318")
        #expect(
            SHA256.hexadecimal(of: String(repeating: "a", count: 64))
                == "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb")
    }

    @Test("a bootstrap message counts only if it names this container and this namespace")
    func bootstrap() throws {
        var message = BootstrapBootstrapParams()
        message.instanceID = "t1"
        message.namespace = "n"
        message.logLevel = -4
        message.containerdTtrpcAddress = "/run/t"
        message.socketDir = "/run/other"
        let bytes: [UInt8] = try message.serializedBytes()
        let read = try #require(Bootstrap(bytes, id: "t1", namespace: "n"))
        #expect(read.debug && read.ttrpcAddress == "/run/t" && read.socketDirectory == "/run/other")
        #expect(Bootstrap(bytes, id: "t2", namespace: "n") == nil)
        // Runtime options of an older containerd have the same two fields.
        var options = Google_Protobuf_Any()
        options.typeURL = "containerd.runc.v1.Options"
        options.value.replaceBytes(with: [0x08, 0x01])
        #expect(Bootstrap(try options.serializedBytes(), id: "t1", namespace: "n") == nil)
        #expect(Bootstrap([0xFF, 0xFF, 0xFF], id: "t1", namespace: "n") == nil)
        #expect(Bootstrap([], id: "t1", namespace: "n") == nil)
    }
}

/// A bundle as containerd makes one: a specification, and a pipe for the log.
func bundleDirectory() throws -> String {
    let bundle = try temporaryDirectory()
    try Files.writeAtomically(ShimUnderTest.plain, to: "\(bundle)/config.json")
    guard mkfifo("\(bundle)/log", 0o600) == 0 else { throw Errno.last }
    return bundle
}

@Suite("Exchanges with containerd")
struct ReplayTests {
    private let bundle: String
    private let socketDirectory: String

    init() throws {
        bundle = try bundleDirectory()
        socketDirectory = bundle + "/s"
    }

    /// What containerd 2.3 writes, here for the directory of the socket, so that a test leaves nothing in /run.
    private func bootstrap(_ id: String) throws -> [UInt8] {
        var message = BootstrapBootstrapParams()
        message.instanceID = id
        message.namespace = "default"
        message.containerdVersion = "2.3.4"
        message.socketDir = socketDirectory
        return try message.serializedBytes()
    }

    @Test("start answers with a plain address alone, twice the same; delete answers for a pod that lives")
    func start() throws {
        let flags = ["-namespace", "default", "-address", "/run/containerd/containerd.sock", "-id", "t1"]
        let first = try Program.run(flags + ["start"], input: try bootstrap("t1"), directory: bundle)
        let name = SHA256.hexadecimal(of: "/run/containerd/containerd.sock/default/t1")
        #expect(first.status == 0)
        #expect(first.output == "unix://\(socketDirectory)/\(name)")
        #expect(Files.text("\(bundle)/address") == first.output)
        let again = try Program.run(flags + ["start"], input: try bootstrap("t1"), directory: bundle)
        #expect(again.output == first.output)

        let client = TTRPCClient(try UnixSocket.connect("\(socketDirectory)/\(name)"))
        for service in [ServiceName.taskV2, ServiceName.taskV3] {
            let answer = try client.call(
                service, "Connect", TaskConnectRequest(), as: TaskConnectResponse.self, timeout: .seconds(5))
            #expect(answer.shimPid > 1 && answer.taskPid == 0)
            // A session of its own, and SIGTERM does nothing.
            #expect(getsid(pid_t(answer.shimPid)) == pid_t(answer.shimPid))
            kill(pid_t(answer.shimPid), SIGTERM)
        }
        let delete = try Program.run(flags + ["-bundle", bundle, "delete"], input: [], directory: bundle)
        let answer = try TaskDeleteResponse(serializedBytes: delete.bytes)
        #expect(answer.exitStatus == 137)
        for _ in 0..<100 where access("\(socketDirectory)/\(name)", F_OK) == 0 { Thread.sleep(for: .milliseconds(20)) }
        #expect(access("\(socketDirectory)/\(name)", F_OK) != 0)
    }

    @Test("a socket that a dead shim left is taken over")
    func leftOver() throws {
        let name = SHA256.hexadecimal(of: "/a/default/t2")
        try Directory.make(socketDirectory, mode: 0o700)
        _ = try UnixSocket.listen("\(socketDirectory)/\(name)")
        let flags = ["-namespace", "default", "-address", "/a", "-id", "t2"]
        let answer = try Program.run(flags + ["start"], input: try bootstrap("t2"), directory: bundle)
        #expect(answer.status == 0 && answer.output == "unix://\(socketDirectory)/\(name)")
        let client = TTRPCClient(try UnixSocket.connect("\(socketDirectory)/\(name)"))
        try client.call(ServiceName.taskV2, "Shutdown", TaskShutdownRequest(), timeout: .seconds(5))
    }

    @Test("delete cleans up after a shim that was killed, from its record alone")
    func killed() throws {
        let state = bundle + "/state"
        try Directory.make(state, mode: 0o700)
        try Files.writeAtomically(state, to: "\(bundle)/\(PodRecord.bundleFile)")
        var record = PodRecord()
        record.shim = HostProcess(id: 999_999, startTime: 1)
        let vmm = try Spawn.start(
            "/bin/sleep", ["60"], environment: [], descriptors: [], inNewSession: false)
        record.machine = HostProcess(id: vmm)
        record.containers = ["t3"]
        record.socketPath = bundle + "/gone"
        record.scratchPath = bundle + "/scratch"
        try Files.writeAtomically("a disk", to: record.scratchPath)
        try record.save(in: state)
        let flags = ["-namespace", "default", "-id", "t3", "-bundle", bundle, "delete"]
        let answer = try TaskDeleteResponse(
            serializedBytes: try Program.run(flags, input: [], directory: bundle).bytes)
        #expect(answer.pid == UInt32(vmm) && answer.exitStatus == 137)
        var status: Int32 = 0
        #expect(waitpid(vmm, &status, 0) == vmm && status & 0x7F == SIGKILL)
        #expect(access(state, F_OK) != 0 && access(record.scratchPath, F_OK) != 0)
    }

    @Test("-info is a RuntimeInfo with the options that came, and -v a line")
    func information() throws {
        var options = Google_Protobuf_Any()
        options.typeURL = "runtimeoptions.v1.Options"
        options.value.replaceBytes(with: [0x12, 0x01, 0x2F])
        let answer = try Program.run(["-info"], input: try options.serializedBytes(), directory: bundle)
        let info = try BootstrapRuntimeInfo(serializedBytes: answer.bytes)
        #expect(info.name == "io.containerd.nest.v2" && info.options == options)
        #expect(try Program.run(["-info"], input: [], directory: bundle).status == 0)
        #expect(try Program.run(["-v"], input: [], directory: bundle).output.hasSuffix("\n"))
    }

    @Test("a start that fails says why in one line")
    func failure() throws {
        let answer = try Program.run(["-namespace", "n", "-id", "../x", "start"], input: [], directory: bundle)
        #expect(answer.status == 1)
        #expect(answer.output == "containerd-shim-nest-v2: \"../x\" is no name for a container\n")
    }
}

/// The built program, called as containerd calls it: standard output and error in one pipe, read to its end.
enum Program {
    struct Answer {
        var status: Int32
        var bytes: [UInt8]
        var output: String { String(decoding: bytes, as: UTF8.self) }
    }

    static func run(
        _ words: [String], input: [UInt8], directory: String, environment: [String] = []
    ) throws -> Answer {
        let program = Files.split(Spawn.ownProgram).directory + "/containerd-shim-nest-v2"
        let standardInput = try Pipe()
        let output = try Pipe()
        try Files.write(input, to: standardInput.writeEnd)
        // By a shell for the working directory, which posix_spawn cannot set.
        let words = ["-c", "cd \"$0\" && exec \"$@\"", directory, program] + words
        let process = try Spawn.start(
            "/bin/sh", words, environment: ["PATH=/usr/bin:/bin"] + environment,
            descriptors: [
                (0, standardInput.readEnd.rawValue), (1, output.writeEnd.rawValue), (2, output.writeEnd.rawValue),
            ], inNewSession: false)
        return try finish(process, input: standardInput, output: output)
    }

    private static func finish(_ process: Int32, input: consuming Pipe, output: consuming Pipe) throws -> Answer {
        let reader = try output.readEnd.duplicate()
        close(input)
        close(output)
        let bytes = try reader.readToEnd(limit: 1 << 22)
        var status: Int32 = 0
        guard waitpid(process, &status, 0) == process else { throw Errno.last }
        return Answer(status: (status >> 8) & 0xFF, bytes: bytes)
    }

    private static func close(_ pipe: consuming Pipe) {}
}
