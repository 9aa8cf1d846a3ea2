// SPDX-License-Identifier: Apache-2.0
internal import NestProtocols
internal import NestShim
internal import TTRPC
internal import TTRPCTestSupport
internal import VMMSysUtil

/// The shim's calls over one connection, and the guest that a script plays.
struct AgentRun {
    private let script: AgentScript
    private let peer: RawPeer
    private let agent: GuestAgent
    private var model = AgentModel()
    /// Whether the guest has ended the connection.
    private var isOver: Bool
    private var watches: [(stream: UInt32, call: RunningCall)] = []
    private var answered = 0
    private var failed = 0

    private static let watchesMax = 3

    init(_ script: AgentScript, _ peer: RawPeer, _ agent: GuestAgent) {
        self.script = script
        self.peer = peer
        self.agent = agent
        isOver = script.end != nil
        model.take(script.begin)
    }

    mutating func play() -> FuzzedAgentConnection {
        for step in script.steps {
            let wasOver = isOver
            play(step)
            // One call more shows that the shim has seen the end.
            if wasOver { break }
        }
        // An answer that is on its way would be lost if the shim ended the connection first.
        let isAnswered = watches.map { model.answer(on: $0.stream) != nil }
        for (watch, isAnswered) in zip(watches, isAnswered) where isAnswered { check(watch.call, on: watch.stream) }
        if script.isEndedByShim { agent.close() } else { peer.close() }
        for (watch, isAnswered) in zip(watches, isAnswered) where !isAnswered { check(watch.call, on: watch.stream) }
        agent.close()
        if script.isEndedByShim, !isOver, !peer.isAtEnd(within: patience) { finding("the connection stays") }
        return .connected(answered: answered, failed: failed)
    }

    private mutating func play(_ step: AgentScript.Step) {
        let stream = model.open(step.call)
        var (bytes, end): ([UInt8], AgentScript.End?) = isOver ? ([], nil) : step.output(on: stream)
        var next = model
        next.take(bytes)
        if !isOver, end == nil, !step.isLeft, next.answer(on: stream) == nil, next.isBetweenFrames {
            let proper = step.properOutput(on: stream)
            bytes += proper
            next.take(proper)
        }
        let isWatch = step.call.isWatch && step.isLeft && watches.count < Self.watchesMax
        if !isOver, end == nil, !isWatch, step.call != .signal, next.answer(on: stream) == nil { end = .both }
        // A signal is given up where nothing else ends it.
        let isGivenUp = !isOver && end == nil && next.answer(on: stream) == nil
        let call = RunningCall(step.call, of: agent, timeout: isGivenUp ? .milliseconds(1) : patience)
        if !isOver {
            checkRequest(step.call, on: stream)
            do throws(Errno) { try peer.send(bytes) } catch { finding("the shim has closed the connection: \(error)") }
            model = next
            peer.end(end)
            isOver = end != nil
        }
        if isWatch {
            watches.append((stream, call))
        } else {
            check(call, on: stream, else: isGivenUp ? .deadlineExceeded : .unavailable)
        }
    }

    private func checkRequest(_ call: AgentScript.Call, on stream: UInt32) {
        guard let frame = peer.receiveFrame(within: patience), frame.header.kind == .request,
            frame.header.streamID == stream, let request = try? TTRPCRequest(parsing: frame.data),
            request.service == ServiceName.agent, request.method == call.method
        else { finding("\(call) is not asked for on stream \(stream)") }
        // An end may take as long as it likes, every other answer is due some time.
        guard (request.timeoutNanoseconds == 0) == call.isWatch else { finding("\(call) has the wrong bound") }
    }

    /// - Parameter code: how it fails if the guest does not answer.
    private mutating func check(_ call: RunningCall, on stream: UInt32, else code: TTRPCCode = .unavailable) {
        guard let outcome = call.wait() else { finding("the call on stream \(stream) hangs") }
        let expected = model.answer(on: stream) ?? .failed(code)
        guard outcome == expected || model.earlyAnswers(on: stream).contains(outcome) else {
            finding("the call on stream \(stream) came to \(outcome), not \(expected)")
        }
        model.forget(stream)
        if case .failed = outcome { failed += 1 } else { answered += 1 }
    }
}

/// A call that is under way.
private final class RunningCall: Sendable {
    private let outcome = Monitor<AgentModel.Outcome?>(nil)

    init(_ call: AgentScript.Call, of agent: GuestAgent, timeout: Duration) {
        Callers.shared.run { [outcome] in
            let result = Self.run(call, agent, timeout)
            outcome.update { $0 = result }
        }
    }

    /// Waits for what it comes to; nil if that takes too long.
    func wait() -> AgentModel.Outcome? { outcome.wait(timeout: patience) { $0 } }

    private static func run(_ call: AgentScript.Call, _ agent: GuestAgent, _ timeout: Duration) -> AgentModel.Outcome {
        do throws(TTRPCStatus) {
            switch call {
            case .signal: try agent.signal("c1", "c1", 9, timeout: timeout)
            case .wait: return .exit(try agent.wait("c1", "c1"))
            case .statistics: return .statistics(try agent.statistics("c1"))
            case .outOfMemory: return .container(try agent.nextOutOfMemory())
            case .start: try agent.startContainer("c1")
            case .pause: try agent.pause("c1")
            }
            return .done
        } catch {
            checkFailure(error)
            return .failed(error.code)
        }
    }
}

/// Threads for calls, one for each that is under way at the same time. They stay: to start one takes longer than a call.
private final class Callers: Sendable {
    typealias Job = @Sendable () -> Void

    static let shared = Callers()
    private let state = Monitor((jobs: [Job](), idleCount: 0))

    func run(_ job: @escaping Job) {
        let isTaken = state.update { state in
            guard state.jobs.count < state.idleCount else { return false }
            state.jobs.append(job)
            return true
        }
        if isTaken { return }
        do throws(Errno) {
            _ = try Thread(name: "call", stackByteCount: 512 << 10) { [self] in
                job()
                while true { next()() }
            }
        } catch { finding("no thread: \(error)") }
    }

    private func next() -> Job {
        state.withLock { $0.idleCount += 1 }
        return state.wait { state in
            guard let job = state.jobs.popLast() else { return nil }
            state.idleCount -= 1
            return job
        }
    }
}
