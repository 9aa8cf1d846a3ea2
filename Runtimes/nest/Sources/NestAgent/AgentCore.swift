// SPDX-License-Identifier: Apache-2.0
internal import CNestAgent
internal import Glibc
internal import NestProtocols
internal import NestSandbox
internal import TTRPC
internal import VMMSysUtil

/// The agent's parts, put together.
final class AgentCore: Sendable {
    static let version = "0.1.0"

    struct Sandbox {
        var isCreated = false
        var isEnding = false
        var storages: [AttachedStorage] = []
    }

    let options: AgentOptions
    let log: AgentLog
    let containers: Containers
    let sandbox = Monitor(Sandbox())
    private let reaper: Reaper
    private let streamPort = StreamPort()

    init(_ options: AgentOptions, _ log: AgentLog) throws(AgentError) {
        self.options = options
        self.log = log
        try Files.makeDirectories(options.runDirectory, mode: 0o700)
        try Files.makeDirectories(options.containerDirectory, mode: 0o755)
        reaper = Reaper(log: log)
        let crun = Crun(
            program: options.crun, root: "\(options.runDirectory)/crun", scratch: options.runDirectory, reaper: reaper,
            log: log, fault: options.fault)
        containers = Containers(
            directory: options.containerDirectory, crun: crun, reaper: reaper, streamPort: streamPort,
            oom: try OOMMonitor(log: log), log: log)
    }

    /// Serves until the sandbox is destroyed.
    /// - Parameter started: when the agent's first instruction ran.
    func run(started: Deadline) throws(AgentError) {
        let server = TTRPCServer(services: [AgentService(self), HealthService(log: log)])
        do throws(Errno) { try Signal.brokenPipe.ignore() } catch {
            throw .system(operation: "start", subject: "the agent", error)
        }
        if options.isConfined {
            // Before the first of all other threads. The line about a refused call is for the console: it ends the machine.
            do throws(ConfinementError) { try Confinement.confine(.agent, as: "nest-agent", reportingTo: 2) } catch {
                throw .badState("\(error)")
            }
        }
        do throws(Errno) {
            try reaper.start()
            try containers.oom.start()
        } catch {
            throw .system(operation: "start", subject: "the agent", error)
        }
        let log = self.log
        let streamPort = self.streamPort
        try listen(AgentPort.streams, "streams") { port, connection in
            streamPort.add(port: port, SharedDescriptor(FileDescriptor(owning: connection)))
        }
        try listen(AgentPort.log, "log") { _, connection in
            LogPort.serve(log, SharedDescriptor(FileDescriptor(owning: connection)))
        }
        options.fault?.reach(.agent, "ready") { _exit(1) }
        // Last: who can call finds everything in place.
        try listen(AgentPort.calls, "calls") { _, connection in
            let connection = SharedDescriptor(FileDescriptor(owning: connection))
            _ = try? Thread(name: "calls", stackByteCount: 256 << 10) {
                if let own = try? connection.descriptor.duplicate() { server.serve(own) }
            }
        }
        log.info("nest-agent \(Self.version) is ready, \(started.elapsed.microseconds) µs after its start")
        if options.listeners == .vsock { Listener.announce(port: AgentPort.ready) }
        _ = sandbox.wait { $0.isEnding ? true : nil }
    }

    /// Lets `run` return.
    func finish() { sandbox.update { $0.isEnding = true } }

    private func listen(
        _ port: UInt32, _ name: String,
        _ accepted: @escaping @Sendable (_ peerPort: UInt32, _ connection: Int32) -> Void
    ) throws(AgentError) {
        let listener =
            switch options.listeners {
            case .vsock:
                FileDescriptor(owning: try system("listen on", "vsock port \(port)") { nest_vsock_listen(port) })
            case .directory(let directory): try ConsoleSocket.listen("\(directory)/\(name)")
            }
        do throws(Errno) { try Listener.start(name, listener, log, accepted) } catch {
            throw .system(operation: "listen on", subject: "port \(port)", error)
        }
    }
}
