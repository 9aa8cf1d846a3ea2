// SPDX-License-Identifier: Apache-2.0
internal import NestHypervisor
internal import NestShim

/// The agent's log, as the shim reads it.
func logLines(_ content: [UInt8]) -> FuzzedAgentAnswer {
    lines(content) { pieces in
        var splitter = LineSplitter(limit: 2048)
        var lines = pieces.flatMap { splitter.push($0) }
        if let last = splitter.finish() { lines.append(last) }
        return lines
    }
}

/// What the VMM and the guest's kernel write.
func consoleLines(_ content: [UInt8]) -> FuzzedAgentAnswer {
    let result = lines(content) { pieces in
        var assembler = LineAssembler()
        var lines: [String] = []
        for piece in pieces { assembler.add(piece) { lines.append($0) } }
        assembler.finish { lines.append($0) }
        return lines
    }
    // An error shows the last of them.
    if case .lines(let lines) = result { for line in lines { checkLine(line, byteLimit: 4096) } }
    return result
}

private func lines(_ content: [UInt8], _ read: ([ArraySlice<UInt8>]) -> [String]) -> FuzzedAgentAnswer {
    guard let first = content.first else { return .refused }
    let stream = content.dropFirst()
    let whole = read([stream])
    var pieces: [ArraySlice<UInt8>] = []
    var rest = stream
    while !rest.isEmpty {
        pieces.append(rest.prefix(Int(first) + 1))
        rest = rest.dropFirst(Int(first) + 1)
    }
    guard read(pieces) == whole else { finding("pieces make a difference") }
    for line in whole {
        let written = ShimLog.line(.agent, "c1", line)
        // PIPE_BUF.
        guard written.last == 10, written.count <= 4096 else { finding("a line of \(written.count) bytes") }
        checkLine(String(decoding: written.dropLast(), as: UTF8.self), byteLimit: 4095)
    }
    return .lines(whole)
}
