// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import NestModel
internal import NestResources
internal import NestSandbox
internal import TTRPC
internal import VMMSysUtil

/// Serve mode: one process a pod, with the listening socket as descriptor 3, until Shutdown or the death of the host.
struct Server {
    let arguments: ShimArguments
    /// Makes the backend, with the log that it writes to.
    let backend: (ShimLog) -> any PodBackend

    /// Serves until the pod is shut down.
    func run() throws(ServerError) {
        let listener = FileDescriptor(owning: 3)
        do throws(Errno) {
            try listener.setCloseOnExec(true)
            // Containerd ends shims by Shutdown; a host that shuts down sends everybody SIGTERM, and containers must have
            // theirs first. Handlers that do nothing, so that a child does not inherit them.
            for signal in [Signal.terminate, .interrupt, .hangUp, .brokenPipe] { try signal.installEmptyHandler() }
        } catch { throw .setup(error) }
        let log = ShimLog(
            path: "\(arguments.bundle)/log", subject: arguments.id, isVerbose: arguments.isDebug)
        let events = EventPublisher(
            address: Self.variable("TTRPC_ADDRESS") ?? "", namespace: arguments.namespace, log: log)
        let group = PodAddress.group(ofBundle: arguments.bundle, id: arguments.id)
        let pod = Pod(
            namespace: arguments.namespace,
            sandboxID: PodAddress.sandboxID(namespace: arguments.namespace, group: group),
            socketPath: arguments.socket, backend: backend(log), events: events, log: log,
            hold: .configured(container: arguments.id))
        try confine(log)
        var options = TTRPCServerOptions()
        // A specification is parsed on such a thread.
        options.stackByteCount = 1 << 20
        options.shutdownTimeout = .seconds(1)
        let server = TTRPCServer(services: TaskService.all(pod), options: options)
        do throws(Errno) {
            try events.start()
            try server.start(listener: listener)
        } catch { throw .setup(error) }
        log.debug("serves \(arguments.socket) as process \(getpid())")
        pod.waitForShutdown()
        // First the name: who asks for this pod from now on gets a new shim.
        unlink(arguments.socket)
        server.shutdown()
        events.flush(timeout: .seconds(2))
        log.debug("ends")
    }

    /// Puts this thread, and by it all that are started from here on, behind a filter of system calls.
    private func confine(_ log: ShimLog) throws(ServerError) {
        guard (try? NestConfiguration.load())?.isConfined ?? true else {
            return log.info("runs without seccomp filters")
        }
        // The log's own descriptor is under a lock that who violates may hold. Kept open until the end.
        let report = try? FileDescriptor.open("\(arguments.bundle)/log", [.readWrite, .nonBlocking])
        do throws(ConfinementError) {
            try Confinement.confine(.shim, as: "shim \(arguments.id)", reportingTo: report?.release() ?? -1)
        } catch {
            log.info("cannot be confined: \(error)")
            throw .sandbox(error)
        }
    }

    private static func variable(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }
    }
}

/// Why the server cannot serve.
enum ServerError: Error, Equatable, CustomStringConvertible {
    case setup(Errno)
    /// Its threads would have no filters.
    case sandbox(ConfinementError)

    var description: String {
        switch self {
        case .setup(let errno): "cannot serve on descriptor 3: \(errno); this mode is for the shim's own start"
        case .sandbox(let error): "cannot confine the server: \(error)"
        }
    }
}
