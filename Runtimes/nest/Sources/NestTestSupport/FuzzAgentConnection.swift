// SPDX-License-Identifier: Apache-2.0
internal import NestHypervisor
internal import NestProtocols
internal import NestShim
internal import TTRPC
internal import TTRPCTestSupport
internal import VMMSysUtil

/// What a connection to a fuzzed guest came to.
public enum FuzzedAgentConnection: Equatable, Sendable {
    /// No stream came of it.
    case refused
    /// So many calls were answered, and so many failed.
    case connected(answered: Int, failed: Int)
}

/// Has the shim connect to a guest in the agent's place, over a socket, and make calls: the exchange that begins a stream, and
/// the agent's client. Aborts where a call comes to something else than the first frame on its stream says, hangs, or fails with
/// a reason that a terminal should not get; where a request is none, or the exchange takes or refuses what it should not.
///
/// The input: `u8` how it begins and ends; the greeting, with what follows at once; then for each call `u8` which one, how many
/// actions of the guest answer it and whether it is left alone, and the actions, one to four times each: an answer, any payload,
/// a failure, bytes, a frame on another stream, an announcement of any length, a long answer, an end. `AgentScript` reads it.
/// A guest that has not answered yet then answers, if its frames still are in step, and else it ends the connection.
@discardableResult
public func fuzzAgentConnection(_ bytes: UnsafeRawBufferPointer) -> FuzzedAgentConnection {
    let script = AgentScript(bytes)
    do {
        return try TTRPCPipe.withPair { stream, peer in
            let peer = RawPeer(peer)
            try peer.send(script.greeting)
            peer.end(script.end)
            try stream.setNonBlocking()
            guard let port = connect(stream, script, peer) else { return .refused }
            try stream.setNonBlocking(false)
            let agent = GuestAgent(GuestConnection(descriptor: stream, hostPort: port))
            var run = AgentRun(script, peer, agent)
            return run.play()
        }
    } catch { finding("\(error)") }
}

/// No sane machine takes so long, and no call is waited for longer.
let patience: Duration = .seconds(8)

/// The exchange.
private func connect(_ stream: borrowing FileDescriptor, _ script: AgentScript, _ peer: RawPeer) -> UInt32? {
    let expected = script.exchange
    let deadline = Deadline(after: expected == .silence ? .milliseconds(1) : patience)
    let result: AgentScript.Exchange
    do throws(HypervisorError) {
        result = try ConnectExchange.run(stream, port: AgentPort.calls, deadline: deadline).map { .port($0) } ?? .end
    } catch {
        switch error {
        case .notListening(AgentPort.calls): result = .silence
        case .badAnswer(AgentPort.calls): result = .nonsense
        default: finding("\(error)")
        }
    }
    guard result == expected else { finding("the greeting came to \(result), not \(expected)") }
    guard case .port(let port) = result else { return nil }
    let request = Array("CONNECT 1024\n".utf8)
    guard peer.receive(request.count, within: patience) == request else { finding("another request to connect") }
    return port
}

extension AgentScript {
    /// What a greeting comes to.
    enum Exchange: Equatable {
        case port(UInt32)
        /// Nobody listens, for now.
        case end
        case silence
        case nonsense
    }

    var exchange: Exchange {
        if end == .both { return .end }
        guard let lineEnd = greeting.prefix(32).firstIndex(of: 0x0A) else {
            return greeting.count >= 32 ? .nonsense : end == nil ? .silence : .end
        }
        let line = String(decoding: greeting[..<lineEnd], as: UTF8.self)
        guard let port = UInt32(line.dropFirst(3)), line.utf8.elementsEqual("OK \(port)".utf8) else { return .nonsense }
        return .port(port)
    }

    /// What the stream begins with.
    var begin: [UInt8] { greeting.firstIndex(of: 0x0A).map { Array(greeting[($0 + 1)...]) } ?? [] }
}

extension RawPeer {
    /// Ends the connection so; nil leaves it.
    func end(_ end: AgentScript.End?) {
        switch end {
        case .both: close()
        case .sending: endSending()
        case nil: break
        }
    }
}
