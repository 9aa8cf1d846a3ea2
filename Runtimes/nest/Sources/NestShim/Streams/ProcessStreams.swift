// SPDX-License-Identifier: Apache-2.0
internal import NestModel
internal import NestProtocols
internal import VMMSysUtil

/// A process's standard streams: the client's ends, the guest's ends, and what relays between them.
final class ProcessStreams: Sendable {
    /// The port of each stream at the host's end, by which the guest knows it; nil where a stream is absent.
    struct Ports: Equatable, Sendable {
        var standardInput: UInt32?
        var standardOutput: UInt32?
        var standardError: UInt32?
    }

    let ports: Ports
    private let input: InputRelay?
    private let outputs: [OutputRelay]
    private let logger: Logger?

    /// Opens the client's ends, connects the guest's and begins to relay.
    ///
    /// - Parameters:
    ///   - id: the container's name, for a program that logs.
    ///   - namespace: containerd's, likewise.
    convenience init(
        _ paths: StreamPaths, machine: any PodMachine, id: String, namespace: String
    ) throws(StreamError) {
        let builder = Builder(machine: machine)
        do throws(StreamError) {
            try builder.open(paths, id: id, namespace: namespace)
        } catch {
            ProcessStreams(builder).abandon()
            throw error
        }
        self.init(builder)
    }

    private init(_ builder: Builder) {
        ports = builder.ports
        input = builder.input
        outputs = builder.outputs
        logger = builder.logger
    }

    /// Ends the process's input behind the last byte written.
    func closeInput() { input?.closeInput() }

    /// The process is gone: nobody reads its input.
    func processEnded() { input?.cancel() }

    /// Waits until the last byte of output is with the client, then lets go.
    ///
    /// - Returns: whether all was delivered; if not, the rest is given up.
    @discardableResult
    func finish(timeout: Duration) -> Bool {
        input?.cancel()
        let deadline = Deadline(after: timeout)
        var isComplete = true
        for output in outputs {
            if !output.waitUntilDone(until: deadline) {
                isComplete = false
                output.cancel()
                output.waitUntilDone(until: Deadline(after: .seconds(1)))
            }
        }
        logger?.finish()
        return isComplete
    }

    /// Waits until the last byte of output is with the client or given up, or the time is over.
    func waitForOutput(timeout: Duration? = nil) {
        let deadline = timeout.map { Deadline(after: $0) }
        for output in outputs { output.waitUntilDone(until: deadline) }
    }

    /// Gives up all that is under way.
    func abandon() { finish(timeout: .zero) }
}

/// Opens and connects one stream after the other, and holds what is there so far.
private final class Builder {
    var ports = ProcessStreams.Ports()
    var input: InputRelay?
    var outputs: [OutputRelay] = []
    var logger: Logger?
    private let machine: any PodMachine

    init(machine: any PodMachine) { self.machine = machine }

    func open(_ paths: StreamPaths, id: String, namespace: String) throws(StreamError) {
        if !paths.standardInput.isEmpty {
            let client = try ClientEnd.input(paths.standardInput)
            let isFIFO = client.isFIFO
            let guest = try connect()
            ports.standardInput = guest.hostPort
            do throws(Errno) {
                input = try InputRelay(source: client.takeDescriptor(), isFIFO: isFIFO, sink: guest.takeDescriptor())
            } catch { throw .relay(error) }
        }
        // A terminal has one output.
        let errors = paths.isTerminal ? "" : paths.standardError
        if !paths.standardOutput.isEmpty,
            case .binary(let program, let arguments) = try StreamTarget(paths.standardOutput)
        {
            let pipes = try LoggerPipes()
            logger = try Logger(program, arguments: arguments, pipes: pipes, id: id, namespace: namespace)
            guard pipes.waitUntilReady() else { throw .loggerNotReady(program) }
            ports.standardOutput = try relay(try pipes.output())
            if !errors.isEmpty { ports.standardError = try relay(try pipes.errors()) }
            return
        }
        if !paths.standardOutput.isEmpty {
            ports.standardOutput = try relay(try ClientEnd.output(paths.standardOutput))
        }
        if !errors.isEmpty { ports.standardError = try relay(try ClientEnd.output(errors)) }
    }

    private func relay(_ client: consuming ClientEnd) throws(StreamError) -> UInt32 {
        let guest = try connect()
        let port = guest.hostPort
        let sink = client.takeDescriptor()
        do throws(Errno) {
            try sink.setNonBlocking()
            outputs.append(try OutputRelay(source: guest.takeDescriptor(), sink: sink))
        } catch { throw .relay(error) }
        return port
    }

    private func connect() throws(StreamError) -> GuestConnection {
        do throws(PodError) { return try machine.connect(port: AgentPort.streams, timeout: .seconds(10)) } catch {
            throw .guest(error.message)
        }
    }
}
