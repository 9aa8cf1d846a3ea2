// SPDX-License-Identifier: Apache-2.0
internal import CTTRPC
internal import Glibc
internal import VMMSysUtil

/// What a server's threads share: they keep this alive, and not the server itself.
final class ServerCore: Sendable {
    private struct State {
        var connections: [ObjectIdentifier: ServerConnection] = [:]
        var listeners: [ObjectIdentifier: Listener] = [:]
        var isClosing = false
    }

    /// A listening socket and what wakes its thread.
    private final class Listener: Sendable {
        let socket: FileDescriptor
        let wake: EventFD

        init(_ socket: consuming FileDescriptor) throws(Errno) {
            let wake = try EventFD()
            self.socket = socket
            self.wake = wake
        }
    }

    private let services: [String: any TTRPCService]
    private let options: TTRPCServerOptions
    private let calls: WorkerPool
    private let readers: WorkerPool
    private let state = Monitor(State())

    init(services: [any TTRPCService], options: TTRPCServerOptions) {
        self.services = Dictionary(services.map { ($0.name, $0) }) { _, later in later }
        self.options = options
        calls = WorkerPool(name: "ttrpc-call", stackByteCount: options.stackByteCount)
        readers = WorkerPool(name: "ttrpc-server", stackByteCount: options.stackByteCount, keptCount: 0)
    }

    /// Adds a connection; nil, and the socket is closed, if the server shuts down or has no room.
    func makeConnection(_ socket: consuming FileDescriptor, isBounded: Bool) -> ServerConnection? {
        let connection = ServerConnection(socket, services: services, options: options, pool: calls) { [weak self] in
            self?.remove($0)
        }
        let isAdded = state.withLock { state in
            if state.isClosing { return false }
            if isBounded, state.connections.count >= options.maximumConnections { return false }
            state.connections[ObjectIdentifier(connection)] = connection
            return true
        }
        return isAdded ? connection : nil
    }

    private func remove(_ connection: ServerConnection) {
        state.withLock { _ = $0.connections.removeValue(forKey: ObjectIdentifier(connection)) }
        state.broadcast()
    }

    var connectionCount: Int { state.withLock { $0.connections.count } }

    // MARK: - Accepting

    func start(_ socket: consuming FileDescriptor) throws(Errno) {
        let listener = try Listener(socket)
        let isAdded = state.withLock { state in
            if state.isClosing { return false }
            state.listeners[ObjectIdentifier(listener)] = listener
            return true
        }
        guard isAdded else { throw .cancelled }
        do throws(Errno) {
            _ = try Thread(name: "ttrpc-accept", stackByteCount: options.stackByteCount) { [self] in
                accept(listener)
                remove(listener)
            }
        } catch {
            remove(listener)
            throw error
        }
    }

    private func remove(_ listener: Listener) {
        state.withLock { _ = $0.listeners.removeValue(forKey: ObjectIdentifier(listener)) }
        state.broadcast()
    }

    private func accept(_ listener: Listener) {
        var isExhausted = false
        while true {
            var entries = [
                pollfd(fd: listener.wake.descriptor.rawValue, events: Int16(POLLIN), revents: 0),
                pollfd(fd: listener.socket.rawValue, events: Int16(POLLIN), revents: 0),
            ]
            // Out of descriptors or memory: the connection that waits would wake this thread again at once.
            let count = poll(&entries, isExhausted ? 1 : 2, isExhausted ? 100 : -1)
            if count < 0, Errno.last != .interrupted { return }
            if state.withLock({ $0.isClosing }) { return }
            isExhausted = false
            do throws(Errno) {
                serve(FileDescriptor(owning: try acceptOne(listener)))
            } catch {
                switch error {
                case .wouldBlock, .connectionAborted: continue
                case .tooManyFiles, .tooManyFilesInSystem, .noMemory, .noBuffers: isExhausted = true
                default: return
                }
            }
        }
    }

    private func acceptOne(_ listener: Listener) throws(Errno) -> Int32 {
        let number = listener.socket.rawValue
        return try retryOnInterrupt { cttrpc_accept(number) }
    }

    private func serve(_ socket: consuming FileDescriptor) {
        guard let connection = makeConnection(socket, isBounded: true) else { return }
        do throws(Errno) {
            try readers.run { connection.run() }
        } catch {
            // No thread: the client sees the connection end.
            remove(connection)
        }
    }

    // MARK: - The end

    func beginShutdown() {
        let (connections, listeners) = state.withLock { state in
            state.isClosing = true
            return (Array(state.connections.values), Array(state.listeners.values))
        }
        state.broadcast()
        for listener in listeners { try? listener.wake.write() }
        for connection in connections { connection.drain() }
    }

    func shutdown() {
        beginShutdown()
        if waitForEnd(options.shutdownTimeout) { return }
        for connection in state.withLock({ Array($0.connections.values) }) { connection.sever() }
        _ = waitForEnd(.seconds(1))
    }

    private func waitForEnd(_ timeout: Duration) -> Bool {
        let isOver = state.wait(until: Deadline(after: timeout)) { state in
            state.connections.isEmpty && state.listeners.isEmpty ? true : nil
        }
        return isOver ?? false
    }

    func waitForShutdown() { _ = state.wait { $0.isClosing ? true : nil } }
}
