// SPDX-License-Identifier: Apache-2.0
import Glibc
import NestProtocols
import SwiftProtobuf
import Synchronization
import TTRPC
import VMMSysUtil

/// A real agent as an ordinary process, with Unix sockets for vsock and a real crun, and a client that plays the shim.
final class AgentProcess: Sendable {
    static let crun = environment("NEST_TEST_CRUN") ?? "/usr/bin/crun"
    /// Control groups of the second version and crun, as root: the lab.
    static let isPossible =
        getuid() == 0 && access(crun, X_OK) == 0 && access("/sys/fs/cgroup/cgroup.subtree_control", W_OK) == 0
        && access(busybox, X_OK) == 0
    static let busybox = "/bin/busybox"

    let directory: String
    let client: TTRPCClient
    private let pid: pid_t
    private let nextPort = Atomic<UInt32>(1000)

    init() throws {
        // A write to a stream that the agent has ended is an error here, and not the end of the tests.
        try Signal.brokenPipe.ignore()
        directory = "/run/nest-test-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        mkdir(directory, 0o700)
        let program = Self.programDirectory() + "/nest-agent"
        let arguments = [
            program, "--listen", directory, "--crun", Self.crun, "--containers", "\(directory)/containers",
            "--run", "\(directory)/agent", "--log", "debug",
        ]
        pid = try Self.spawn(program, arguments)
        client = TTRPCClient(try Self.connect("\(directory)/calls", from: nil))
    }

    deinit {
        client.close()
        kill(pid, SIGKILL)
        waitpid(pid, nil, 0)
    }

    /// How many descriptors and threads the agent has.
    var resources: (descriptors: Int, threads: Int) {
        func count(_ name: String) -> Int {
            guard let directory = opendir("/proc/\(pid)/\(name)") else { return -1 }
            defer { closedir(directory) }
            var count = 0
            while readdir(directory) != nil { count += 1 }
            return count
        }
        return (count("fd"), count("task"))
    }

    /// Each thread's name and its seccomp mode (`/proc/PID/status`), sorted.
    var filters: [String] {
        Directory.names(in: "/proc/\(pid)/task").compactMap { task -> String? in
            let folder = "/proc/\(pid)/task/\(task)"
            guard let name = Self.text("\(folder)/comm"), let status = Self.text("\(folder)/status"),
                let mode = status.split(separator: "\n").first(where: { $0.hasPrefix("Seccomp:") })
            else { return nil }
            return "\(name.split(separator: "\n").first ?? "") \(mode.split(separator: "\t").last ?? "")"
        }.sorted()
    }

    private static func text(_ path: String) -> String? {
        (try? FileDescriptor.open(path).readToEnd(limit: 1 << 16)).map { String(decoding: $0, as: UTF8.self) }
    }

    // MARK: Calls

    func call(_ method: String, _ request: some Message) throws {
        try client.call(ServiceName.agent, method, request, timeout: .seconds(60))
    }

    func call<Response: Message>(_ method: String, _ request: some Message, as: Response.Type) throws -> Response {
        try client.call(ServiceName.agent, method, request, as: Response.self, timeout: .seconds(60))
    }

    /// A stream connection, by the port that names it.
    func stream() throws -> (port: UInt32, connection: Stream) {
        let port = nextPort.wrappingAdd(1, ordering: .relaxed).newValue
        return (port, Stream(try Self.connect("\(directory)/streams", from: "nest-\(directory)-\(port)")))
    }

    /// A container that runs busybox's shell on a root of its own.
    func specification(_ script: String, terminal: Bool = false) throws -> OCISpec {
        let root = "\(directory)/root"
        if access(root, F_OK) < 0 {
            for name in ["", "/bin", "/proc", "/dev", "/tmp", "/sys"] { mkdir(root + name, 0o755) }
            try copy(Self.busybox, "\(root)/bin/busybox")
            symlink("busybox", "\(root)/bin/sh")
        }
        var specification = OCISpec()
        specification.root.path = root
        specification.process = process(script, terminal: terminal)
        specification.mounts = [
            .with {
                $0.destination = "/proc"
                $0.type = "proc"
                $0.source = "proc"
            },
            .with {
                $0.destination = "/dev"
                $0.type = "tmpfs"
                $0.source = "tmpfs"
            },
            .with {
                $0.destination = "/dev/pts"
                $0.type = "devpts"
                $0.source = "devpts"
                $0.options = ["newinstance", "ptmxmode=0666"]
            },
        ]
        specification.linux.namespaces = ["pid", "ipc", "uts", "mount"].map { type in .with { $0.type = type } }
        return specification
    }

    func process(_ script: String, terminal: Bool = false) -> OCIProcess {
        .with {
            $0.terminal = terminal
            $0.args = ["/bin/busybox", "sh", "-c", script]
            $0.env = ["PATH=/bin"]
            $0.cwd = "/"
            $0.rlimits = [
                .with {
                    $0.type = "RLIMIT_CORE"
                }
            ]
        }
    }

    func create(
        _ id: String, _ specification: OCISpec, input: UInt32? = nil, output: UInt32? = nil, error: UInt32? = nil
    ) throws {
        var request = AgentCreateContainerRequest()
        request.containerID = id
        request.execID = id
        request.oci = specification
        if let input { request.stdinPort = input }
        if let output { request.stdoutPort = output }
        if let error { request.stderrPort = error }
        try call("CreateContainer", request)
    }

    func start(_ id: String) throws {
        try call("StartContainer", AgentStartContainerRequest.with { $0.containerID = id })
    }

    func exec(_ id: String, _ execID: String, _ process: OCIProcess, input: UInt32 = 0, output: UInt32 = 0) throws {
        try call(
            "ExecProcess",
            AgentExecProcessRequest.with {
                $0.containerID = id
                $0.execID = execID
                $0.process = process
                $0.stdinPort = input
                $0.stdoutPort = output
            })
    }

    func wait(_ id: String, _ execID: String = "") throws -> Int32 {
        let request = AgentWaitProcessRequest.with {
            $0.containerID = id
            $0.execID = execID
        }
        return try call("WaitProcess", request, as: AgentWaitProcessResponse.self).status
    }

    func signal(_ id: String, _ execID: String, _ number: UInt32) throws {
        try call(
            "SignalProcess",
            AgentSignalProcessRequest.with {
                $0.containerID = id
                $0.execID = execID
                $0.signal = number
            })
    }

    func remove(_ id: String) throws {
        try call("RemoveContainer", AgentRemoveContainerRequest.with { $0.containerID = id })
    }

    /// Runs a script to its end.
    func run(_ id: String, _ script: String) throws -> (status: Int32, output: String) {
        let (port, connection) = try stream()
        try create(id, try specification(script), output: port)
        try start(id)
        let output = connection.readAll()
        let status = try wait(id)
        try remove(id)
        return (status, String(decoding: output, as: UTF8.self))
    }

    // MARK: Parts

    /// A connected standard stream, from the host's side.
    final class Stream {
        private let descriptor: FileDescriptor
        init(_ descriptor: consuming FileDescriptor) { self.descriptor = descriptor }

        func write(_ bytes: [UInt8]) {
            bytes.withUnsafeBytes { try? descriptor.writeAll(from: $0) }
        }
        func end() { shutdown(descriptor.rawValue, Int32(SHUT_WR)) }

        func read(_ count: Int = 65536) -> [UInt8] {
            var bytes = [UInt8](repeating: 0, count: count)
            let got = Glibc.read(descriptor.rawValue, &bytes, count)
            return got > 0 ? Array(bytes[..<got]) : []
        }
        func readAll() -> [UInt8] {
            var all: [UInt8] = []
            while true {
                let bytes = read()
                if bytes.isEmpty { return all }
                all += bytes
            }
        }
        func readUntil(_ text: String) -> String {
            var all = ""
            while !all.contains(text) {
                let bytes = read()
                if bytes.isEmpty { break }
                all += String(decoding: bytes, as: UTF8.self)
            }
            return all
        }
    }

    private static func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

    /// Where the build puts programs: beside the tests.
    private static func programDirectory() -> String {
        if let directory = environment("NEST_TEST_PROGRAMS") { return directory }
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &buffer, 4095)
        let path = String(decoding: buffer[..<max(0, count)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return path.split(separator: "/").dropLast().map { "/" + $0 }.joined()
    }

    private static func spawn(_ program: String, _ arguments: [String]) throws -> pid_t {
        var argv: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
        argv.append(nil)
        defer { for text in argv { free(text) } }
        var pid: pid_t = 0
        let error = posix_spawn(&pid, program, nil, nil, argv, environ)
        guard error == 0 else { throw Errno(rawValue: error) }
        return pid
    }

    /// Connects to a Unix socket, from an abstract name if one is given; waits until somebody listens.
    private static func connect(_ path: String, from name: String?) throws -> FileDescriptor {
        func address(_ bytes: [UInt8]) -> sockaddr_un {
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes.prefix($0.count)) }
            return address
        }
        func with(_ address: sockaddr_un, _ call: (UnsafePointer<sockaddr>) -> Int32) -> Int32 {
            withUnsafePointer(to: address) { $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { call($0) } }
        }
        for _ in 0..<1000 {
            let connection = FileDescriptor(owning: socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0))
            try connection.setCloseOnExec(true)
            if let name {
                let length = socklen_t(2 + 1 + name.utf8.count)
                try retryOnInterrupt { with(address([0] + Array(name.utf8))) { bind(connection.rawValue, $0, length) } }
            }
            let length = socklen_t(MemoryLayout<sockaddr_un>.size)
            let result = with(address(Array(path.utf8))) { Glibc.connect(connection.rawValue, $0, length) }
            if result == 0 { return connection }
            usleep(10_000)
        }
        throw Errno.connectionRefused
    }

    private func copy(_ source: String, _ target: String) throws {
        let from = try FileDescriptor.open(source)
        let to = try FileDescriptor.open(target, [.writeOnly, .create], mode: 0o755)
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = Glibc.read(from.rawValue, &buffer, buffer.count)
            guard count > 0 else { return }
            _ = Glibc.write(to.rawValue, buffer, count)
        }
    }
}

/// A thread that an array may hold.
final class UniqueThread: Sendable {
    private let thread: Mutex<Thread?>

    init(_ body: @escaping @Sendable () -> Void) throws { thread = Mutex(try Thread(name: "test", body)) }

    func join() {
        let thread = thread.withLock { $0.take() }
        try? thread?.join()
    }
}

/// What went wrong on other threads.
final class Failures: Sendable {
    private let texts = Mutex<[String]>([])
    func add(_ text: String) { texts.withLock { $0.append(text) } }
    var all: [String] { texts.withLock { $0 } }
}
