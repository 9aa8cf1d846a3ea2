// SPDX-License-Identifier: Apache-2.0
internal import EventManager
public import VMMSysUtil

/// The API's socket and its thread: serves a few clients at once and hands their commands to the machine's thread.
///
/// No client waits for another one: those that send or take nothing are passed over, and when there are too many, the one
/// that has been silent for longest is sent away.
public final class APIServer: Sendable {
    private let listener: UnixListener
    private let queue: CommandQueue
    private let info: InstanceInfo
    private let payloadLimit: Int
    private let stopEvent: EventFD

    /// Makes the socket.
    /// - Parameters:
    ///   - path: must not exist.
    ///   - controller: whose commands they are.
    ///   - payloadLimit: the longest body of a request, bytes.
    public init(
        path: String, controller: APIController, info: InstanceInfo, payloadLimit: Int
    ) throws(Errno) {
        listener = try UnixListener(path: path)
        queue = controller.queue
        self.info = info
        self.payloadLimit = payloadLimit
        stopEvent = try EventFD()
    }

    /// Starts to serve. The signals that end a machine must be blocked by then.
    ///
    /// The caller keeps the server until it has joined the thread, which may not remove the socket's file.
    /// - Parameter sandbox: what the thread is in before it takes the first client.
    public func start(in sandbox: Sandbox? = nil) throws(MachineError) -> Thread {
        let thread: Thread
        let gate: FilterGate
        do throws(Errno) {
            _ = try EndingSignals.open()
            let made = try FilterGate()
            gate = made
            thread = try Thread(name: "api", stackByteCount: 512 << 10) { self.run(in: sandbox, behind: made) }
        } catch {
            throw .host("start the API's thread", error)
        }
        do throws(SandboxError) { try gate.waitForArrivals(1) } catch {
            gate.open(false)
            throw .sandbox(error)
        }
        gate.open(true)
        return thread
    }

    /// Ends the thread.
    public func stop() { try? stopEvent.write() }

    private func run(in sandbox: Sandbox?, behind gate: FilterGate) {
        do throws(EventLoopError) {
            let loop = try EventLoop()
            let clients = Clients(loop: loop, queue: queue, info: info, payloadLimit: payloadLimit)
            var isStopping = false
            try loop.add(stopEvent.descriptor, for: .readable) { _, _, _ in isStopping = true }
            try loop.add(listener.descriptor, for: .readable) { [unowned self] _, _, _ in
                do throws(Errno) { clients.add(try self.listener.accept()) } catch {
                    // Out of descriptors: a client fewer, or a pause, so as not to be told so again at once.
                    if error != .wouldBlock, !clients.dismissOne() { Thread.sleep(for: .milliseconds(50)) }
                }
            }
            guard gate.pass({ () throws(SandboxError) in try sandbox?.confine(.api, as: "api") }) else { return }
            while !isStopping {
                try loop.runOnce(timeoutMilliseconds: clients.isWaiting ? 500 : nil)
                clients.dismissLate()
            }
        } catch {
            // Without a loop there is no API; the machine goes on.
            _ = gate.pass { () throws(SandboxError) in }
        }
    }
}

/// The connections of the API's thread.
private final class Clients: APIConnection.Owner {
    /// As many as Firecracker's server takes.
    static let limit = 10

    private let loop: EventLoop
    private let queue: CommandQueue
    private let info: InstanceInfo
    private let payloadLimit: Int
    private var connections: [ObjectIdentifier: APIConnection] = [:]

    init(loop: EventLoop, queue: CommandQueue, info: InstanceInfo, payloadLimit: Int) {
        self.loop = loop
        self.queue = queue
        self.info = info
        self.payloadLimit = payloadLimit
    }

    func add(_ socket: consuming FileDescriptor) {
        if connections.count >= Self.limit { _ = dismissOne() }
        let connection = APIConnection(socket, owner: self, payloadLimit: payloadLimit)
        guard let token = try? loop.add(connection.socket, for: .readable, handler: connection) else { return }
        connection.token = token
        connections[ObjectIdentifier(connection)] = connection
    }

    /// Sends the client away that has been silent for longest.
    /// - Returns: false if there is none.
    func dismissOne() -> Bool {
        guard let oldest = connections.values.min(by: { $0.lastActivity < $1.lastActivity }) else { return false }
        close(oldest)
        return true
    }

    var isWaiting: Bool { connections.values.contains { $0.isAwaited } }

    func dismissLate() {
        for connection in connections.values where connection.isLate { close(connection) }
    }

    func close(_ connection: APIConnection) {
        guard let token = connection.token else { return }
        connection.token = nil
        try? loop.remove(token)
        connections[ObjectIdentifier(connection)] = nil
    }

    /// - Returns: nil if the machine has ended.
    func answer(_ request: HTTPRequest) -> HTTPResponse? {
        do throws(ConfigError) {
            switch try Routes.target(of: request, info: info) {
            case .told(let value): return HTTPResponse(.value(value))
            case .command(let command): return queue.perform(command).map { HTTPResponse($0) }
            }
        } catch {
            return HTTPResponse(.fault("\(error)"))
        }
    }
}
