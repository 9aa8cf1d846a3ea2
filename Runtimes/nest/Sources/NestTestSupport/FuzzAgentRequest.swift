// SPDX-License-Identifier: Apache-2.0
internal import NestAgent
internal import NestProtocols
internal import SwiftProtobuf

/// What fuzzed bytes came to as a request to the guest's agent.
public enum FuzzedAgentRequest: Equatable, Sendable {
    /// They are no such message.
    case malformed
    /// A message that the agent refuses, with that reason.
    case refused(String, reason: String)
    /// A message that it would carry out; so many bytes would go to crun.
    case accepted(String, fileByteCount: Int)
}

/// Decodes bytes as a request that the agent takes, checks it as the agent does, and makes of it the files that crun would read.
/// Nothing is carried out. Aborts where a rule is broken: a message is not the same when it is encoded and decoded again, a
/// file is no JSON or says something else than the request, a path leaves `/run`.
///
/// The input: `u8` which request, modulo the number of `AgentRequests.names`; the message.
@discardableResult
public func fuzzAgentRequest(_ bytes: UnsafeRawBufferPointer) -> FuzzedAgentRequest {
    guard let first = bytes.first else { return .malformed }
    let type = AgentRequests.types[Int(first) % AgentRequests.types.count]
    guard let message = decodedAgain(type, Array(bytes.dropFirst())) else { return .malformed }
    let name = AgentRequests.name(of: type)
    do throws(RequestProbe.Refusal) {
        let plan = try RequestProbe.plan(message)
        return .accepted(name, fileByteCount: check(plan, of: message))
    } catch {
        if error.line.isEmpty { finding("a refusal that says nothing") }
        return .refused(name, reason: error.line)
    }
}

private func check(_ plan: RequestProbe.Plan, of message: any Message) -> Int {
    for name in plan.names where name.isEmpty || name == "." || name == ".." || name.utf8.contains(0x2f) {
        finding("a path leaves /run: \(plan.names)")
    }
    var count = 0
    if let text = plan.specification, let request = message as? AgentCreateContainerRequest {
        count += checkSpecification(text, says: request.oci)
    }
    if let text = plan.process, let request = message as? AgentExecProcessRequest {
        let process = parsed(text, as: OCIProcess.self)
        checkProcess(process, says: request.process)
        count += text.count
    }
    if let text = plan.resources, let request = message as? AgentUpdateContainerRequest {
        if parsed(text, as: OCILinuxResources.self).memory.limit != request.resources.memory.limit {
            finding("another memory limit")
        }
        count += text.count
    }
    return count
}

/// Decodes a message, and that again which was encoded of it.
private func decodedAgain(_ type: any Message.Type, _ bytes: [UInt8]) -> (any Message)? {
    guard let message = decoded(type, bytes) else { return nil }
    let encoded = encoded(message)
    guard let again = decoded(type, encoded), NestTestSupport.encoded(again) == encoded else {
        finding("\(type.protoMessageName) is not the same again")
    }
    return message
}

private func decoded<Content: Message>(_ type: Content.Type, _ bytes: [UInt8]) -> (any Message)? {
    try? decode(bytes, as: type, what: "the input")
}

private func encoded(_ message: any Message) -> [UInt8] {
    var options = BinaryEncodingOptions()
    options.useDeterministicOrdering = true
    do { return try message.serializedBytes(partial: false, options: options) } catch {
        finding("what was decoded does not encode: \(error)")
    }
}
