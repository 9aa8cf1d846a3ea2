// SPDX-License-Identifier: Apache-2.0
internal import NestHypervisor
internal import NestProtocols
internal import NestShim
internal import SwiftProtobuf
internal import TTRPC

/// What fuzzed bytes from a guest came to in the shim.
public enum FuzzedAgentAnswer: Equatable, Sendable {
    /// They are no such answer; the client gets an error.
    case refused
    /// A process's status.
    case exit(UInt32)
    /// Statistics, encoded for a client with cgroups of version 1 and of version 2.
    case statistics(version1ByteCount: Int, version2ByteCount: Int)
    /// A container whose memory ran out.
    case outOfMemory(String)
    /// A failure, with what a client is told.
    case failure(String)
    /// Lines for the log.
    case lines([String])
}

/// Reads any bytes as the shim reads what the guest's agent sends: answers, events, failures, its log, and the console of the
/// machine. Aborts where more comes out than a small multiple of what went in, where a status is none, where a line could do
/// something to a terminal or is too long, and where pieces make a difference.
///
/// The input: `u8` what the bytes are, modulo 6 (the answer to WaitProcess, to StatsContainer, to GetOOMEvent; an answer's
/// envelope; log; console); for the last two `u8` bytes of each piece; the bytes.
@discardableResult
public func fuzzAgentAnswer(_ bytes: UnsafeRawBufferPointer) -> FuzzedAgentAnswer {
    guard let first = bytes.first else { return .refused }
    let content = Array(bytes.dropFirst())
    switch first % 6 {
    case 0:
        guard let answer: AgentWaitProcessResponse = decoded(content, "WaitProcess") else { return .refused }
        let status = GuestAnswer.exitStatus(answer)
        if status > 255 || (0...255).contains(answer.status) && Int32(status) != answer.status {
            finding("status \(status)")
        }
        return .exit(status)
    case 1:
        guard let answer: AgentStatsContainerResponse = decoded(content, "StatsContainer") else { return .refused }
        return statistics(answer, byteCount: content.count)
    case 2:
        guard let event: AgentOOMEvent = decoded(content, "GetOOMEvent") else { return .refused }
        return .outOfMemory(event.containerID)
    case 3: return failure(content)
    case 4: return logLines(content)
    default: return consoleLines(content)
    }
}

private func decoded<Content: Message>(_ bytes: [UInt8], _ method: String) -> Content? {
    do throws(TTRPCStatus) { return try GuestAnswer.decoded(bytes, of: method) } catch {
        checkFailure(error)
        return nil
    }
}

private func statistics(_ answer: AgentStatsContainerResponse, byteCount: Int) -> FuzzedAgentAnswer {
    let first = Statistics.version1(answer)
    let second = Statistics.version2(answer)
    guard first.pids.current == second.pids.current, first.memory.usage.usage == second.memory.usage,
        second.io.usage.count <= first.blkio.ioServiceBytesRecursive.count + first.blkio.ioServicedRecursive.count
    else { finding("the two versions differ") }
    let counts = (encodedByteCount(first), encodedByteCount(second))
    // A value of memory.stat is there twice.
    guard max(counts.0, counts.1) <= 1024 + 2 * byteCount else { finding("\(byteCount) bytes became \(counts)") }
    return .statistics(version1ByteCount: counts.0, version2ByteCount: counts.1)
}

private func encodedByteCount(_ message: some Message) -> Int {
    do throws(TTRPCStatus) { return try encode(message).count } catch { finding("\(error)") }
}

private func failure(_ content: [UInt8]) -> FuzzedAgentAnswer {
    let envelope: TTRPCResponse
    do throws(TTRPCEnvelopeError) { envelope = try TTRPCResponse(parsing: content) } catch { return .refused }
    guard let status = envelope.failure else { return .refused }
    let told = GuestAnswer.failure(status)
    checkFailure(told)
    return .failure(told.message)
}

func checkFailure(_ status: TTRPCStatus) {
    guard status.details.isEmpty else { finding("details that the shim cannot read are passed on") }
    if !status.message.isEmpty { checkLine(status.message, byteLimit: GuestAnswer.reasonByteLimit) }
}
