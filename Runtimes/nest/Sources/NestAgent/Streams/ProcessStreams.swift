// SPDX-License-Identifier: Apache-2.0
internal import CNestAgent
internal import Glibc
internal import TTRPC
internal import VMMSysUtil

/// What a caller wants to become of a process's standard streams.
struct StreamPorts {
    /// The host's ports of the connections; zero is a stream that is absent.
    var input: UInt32 = 0
    var output: UInt32 = 0
    var error: UInt32 = 0
    /// No port was named at all: the streams are read and written by calls.
    var isByCalls = false
}

/// The standard streams of one process, from this side.
final class ProcessStreams: Sendable {
    private struct State {
        /// For calls only.
        var input: SharedDescriptor?
        var output: SharedDescriptor?
        var error: SharedDescriptor?
        var terminal: SharedDescriptor?
        var connections: [SharedDescriptor] = []
        var relays = 0
    }

    private let state = Monitor(State())

    /// Makes a terminal's size known to its processes.
    func resize(rows: UInt32, columns: UInt32) throws(AgentError) {
        guard let terminal = state.withLock({ $0.terminal }) else { throw .badState("the process has no terminal") }
        guard let rows = UInt16(exactly: rows), let columns = UInt16(exactly: columns) else {
            throw .invalid("a window of \(rows) rows and \(columns) columns")
        }
        try system("set the size of", "the terminal") { nest_set_window_size(terminal.number, rows, columns) }
    }

    // MARK: By calls

    /// Waits for bytes that the process has written.
    /// - Returns: up to `count` bytes; none at the end of the stream.
    func read(isError: Bool, count: Int, _ call: TTRPCCall) throws(AgentError) -> [UInt8] {
        guard let source = state.withLock({ isError ? $0.error : $0.output }) else {
            throw .badState("the stream is not read by calls")
        }
        try wait(source, POLLIN, call)
        var bytes = [UInt8](repeating: 0, count: min(max(count, 1), Relay.byteCount))
        do throws(Errno) {
            let capacity = bytes.count
            let got = try retryOnInterrupt { Glibc.read(source.number, &bytes, capacity) }
            bytes.removeSubrange(got...)
            return bytes
        } catch .inputOutput {
            // How a terminal ends.
            return []
        } catch {
            throw .system(operation: "read", subject: "a stream", error)
        }
    }

    /// Gives the process bytes to read; waits while it does not.
    func write(_ bytes: [UInt8], _ call: TTRPCCall) throws(AgentError) {
        guard let target = state.withLock({ $0.input }) else {
            throw .badState("standard input is closed, or not written by calls")
        }
        var done = 0
        while done < bytes.count {
            try wait(target, POLLOUT, call)
            let start = done
            do throws(Errno) {
                done += try retryOnInterrupt {
                    bytes.withUnsafeBytes {
                        // No more than a pipe takes without waiting, once it says that it is ready.
                        Glibc.write(target.number, $0.baseAddress.map { $0 + start }, min(bytes.count - start, 4096))
                    }
                }
            } catch {
                throw .system(operation: "write", subject: "standard input", error)
            }
        }
    }

    /// The process sees the end of its input. A stream of its own is ended by the host, and a terminal has no end.
    func closeInput() { state.update { if $0.terminal == nil { $0.input = nil } } }

    private func wait(_ descriptor: SharedDescriptor, _ events: Int32, _ call: TTRPCCall) throws(AgentError) {
        do throws(Errno) {
            let wake = SharedEvent(try EventFD())
            call.onCancel { try? wake.event.write() }
            var polled = [
                pollfd(fd: descriptor.number, events: Int16(events), revents: 0),
                pollfd(fd: wake.event.descriptor.rawValue, events: Int16(POLLIN), revents: 0),
            ]
            let limit = call.timeRemaining.map { Deadline(after: $0).pollMilliseconds } ?? -1
            try retryOnInterrupt { poll(&polled, 2, limit) }
            if polled[0].revents == 0 { throw .cancelled }
        } catch .cancelled {
            throw .cancelled
        } catch {
            throw .system(operation: "wait for", subject: "a stream", error)
        }
    }

    // MARK: By connections

    fileprivate func keep(
        input: SharedDescriptor?, output: SharedDescriptor?, error: SharedDescriptor?, terminal: SharedDescriptor?
    ) {
        state.update { state in
            state.input = input
            state.output = output
            state.error = error
            state.terminal = terminal
        }
    }

    fileprivate func startOutput(_ source: SharedDescriptor, _ connection: SharedDescriptor) throws(Errno) {
        begin(connection)
        do throws(Errno) {
            try Relay.startOutput(from: source, to: connection) { [self] in end() }
        } catch {
            end()
            throw error
        }
    }

    fileprivate func startInput(_ target: SharedDescriptor, _ connection: SharedDescriptor) throws(Errno) {
        begin(connection)
        do throws(Errno) {
            try Relay.startInput(from: connection, to: target) { [self] in end() }
        } catch {
            end()
            throw error
        }
    }

    private func begin(_ connection: SharedDescriptor) {
        state.update { state in
            state.relays += 1
            state.connections.append(connection)
        }
    }

    private func end() {
        state.update { state in
            state.relays -= 1
            if state.relays == 0 {
                state.connections = []
                // Both ways end with the terminal's last process: there is no window any more.
                state.terminal = nil
            }
        }
    }

    /// The processes are gone: lets the rest of their output through, for so long, and ends what is left.
    func finish(within timeout: Duration) {
        let isDone: Bool? = state.wait(until: Deadline(after: timeout)) { $0.relays == 0 ? true : nil }
        if isDone == nil { for connection in state.withLock({ $0.connections }) { connection.end() } }
        keep(input: nil, output: nil, error: nil, terminal: nil)
    }
}

/// An event that a closure may hold.
private final class SharedEvent: Sendable {
    let event: EventFD
    init(_ event: consuming EventFD) { self.event = event }
}

/// Streams before their process is there: its ends, and ours.
struct PreparedStreams {
    let streams = ProcessStreams()
    /// The process's ends; nil for `/dev/null`, and for a terminal.
    private var child: (input: SharedDescriptor?, output: SharedDescriptor?, error: SharedDescriptor?) = (nil, nil, nil)
    private var ours: (input: SharedDescriptor?, output: SharedDescriptor?, error: SharedDescriptor?) = (nil, nil, nil)
    private var connections: (input: SharedDescriptor?, output: SharedDescriptor?, error: SharedDescriptor?) = (
        nil, nil, nil
    )
    private let isByCalls: Bool
    private let isTerminal: Bool

    init(isTerminal: Bool, _ ports: StreamPorts, from port: StreamPort) throws(AgentError) {
        isByCalls = ports.isByCalls
        self.isTerminal = isTerminal
        if ports.input != 0 { connections.input = try port.take(ports.input) }
        if ports.output != 0 { connections.output = try port.take(ports.output) }
        if ports.error != 0, !isTerminal { connections.error = try port.take(ports.error) }
        guard !isTerminal else { return }
        do throws(Errno) {
            if isByCalls || connections.input != nil { (child.input, ours.input) = try Self.pipe() }
            if isByCalls || connections.output != nil { (ours.output, child.output) = try Self.pipe() }
            if isByCalls || connections.error != nil { (ours.error, child.error) = try Self.pipe() }
        } catch {
            throw .system(operation: "make", subject: "a pipe", error)
        }
    }

    private static func pipe() throws(Errno) -> (SharedDescriptor, SharedDescriptor) {
        var ends: (Int32, Int32) = (-1, -1)
        try retryOnInterrupt {
            withUnsafeMutableBytes(of: &ends) { bytes in
                bytes.baseAddress.map { pipe2($0.assumingMemoryBound(to: Int32.self), O_CLOEXEC) } ?? -1
            }
        }
        return (SharedDescriptor(FileDescriptor(owning: ends.0)), SharedDescriptor(FileDescriptor(owning: ends.1)))
    }

    /// What crun is started with.
    var program: ProgramStreams {
        ProgramStreams(input: child.input?.number, output: child.output?.number, error: child.error?.number)
    }

    /// The process is there: bytes may flow.
    consuming func start(terminal: SharedDescriptor?) throws(AgentError) -> ProcessStreams {
        // While an end of the process's is open here, no stream of its ever ends.
        child = (nil, nil, nil)
        let input = terminal ?? ours.input
        let output = terminal ?? ours.output
        if isByCalls {
            streams.keep(input: input, output: output, error: ours.error, terminal: terminal)
            return streams
        }
        streams.keep(input: nil, output: nil, error: nil, terminal: terminal)
        do throws(Errno) {
            if let input, let connection = connections.input { try streams.startInput(input, connection) }
            if let output, let connection = connections.output { try streams.startOutput(output, connection) }
            if let error = ours.error, let connection = connections.error {
                try streams.startOutput(error, connection)
            }
        } catch {
            throw .system(operation: "start", subject: "a stream's thread", error)
        }
        return streams
    }

    /// There will be no process: the host sees the streams end.
    func abandon() {
        for connection in [connections.input, connections.output, connections.error] { connection?.end() }
    }
}
