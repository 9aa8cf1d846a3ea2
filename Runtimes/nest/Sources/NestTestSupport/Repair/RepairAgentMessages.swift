// SPDX-License-Identifier: Apache-2.0

/// Makes a request of an input of `fuzzAgentRequest` that is none any more. For a mutator, which would mostly break a length.
public func repairAgentRequest(_ bytes: [UInt8]) -> [UInt8] {
    guard let first = bytes.first else { return [0] }
    let repair = MessageRepair { content in
        ([first] + content).withUnsafeBytes { fuzzAgentRequest($0) } != .malformed
    }
    return [first] + repair.repaired(Array(bytes.dropFirst()))
}

/// Makes an answer, a failure or a line of an input of `fuzzAgentAnswer` that is none any more.
public func repairAgentAnswer(_ bytes: [UInt8]) -> [UInt8] {
    guard let first = bytes.first else { return [0] }
    let content = Array(bytes.dropFirst())
    // A log without the byte for its pieces.
    if first % 6 > 3 { return content.isEmpty ? [first, 0] : bytes }
    func isTaken(_ content: [UInt8]) -> Bool { ([first] + content).withUnsafeBytes { fuzzAgentAnswer($0) } != .refused }
    guard first % 6 == 3 else { return [first] + MessageRepair(isTaken: isTaken).repaired(content) }
    // In an envelope that has no failure, one with the code 2 and the text "no".
    let failure: [UInt8] = [10, 6, 8, 2, 18, 2, 0x6e, 0x6f]
    let repair = MessageRepair { isTaken($0 + failure) }
    let repaired = repair.repaired(content)
    return [first] + (isTaken(repaired) ? repaired : repaired + failure)
}
