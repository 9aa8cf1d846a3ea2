// SPDX-License-Identifier: Apache-2.0
internal import Seccompiler
internal import VMMSysUtil

/// What went wrong.
struct BenchmarkFailure: Error {
    let text: String
}

/// A folder of policies, one program's.
struct Filters {
    private var programs: [String: BPFProgram] = [:]

    /// Compiles all filters of these files.
    init(policies paths: [String]) throws {
        for path in paths {
            let file = try FileDescriptor.open(path, .readOnly)
            var bytes = [UInt8](repeating: 0, count: Int(try file.byteCount()))
            _ = try bytes.withUnsafeMutableBytes { try file.read(into: $0) }
            let policy = try bytes.withUnsafeBytes { try Policy(json: $0, architecture: .x86_64) }
            for entry in policy.entries { programs[entry.name] = try entry.filter.compile().program }
        }
    }

    /// The filters of these names put together, with the calls asked about first that the thread makes most.
    func joined(_ names: [String], first calls: [String]) throws -> BPFProgram {
        let parts = try names.map { name in
            guard let program = programs[name] else { throw BenchmarkFailure(text: "no filter \(name)") }
            return program
        }
        let numbers = calls.compactMap { Architecture.x86_64.syscallNumber($0) }
        return try BPFProgram(joining: parts, fallback: .trap).asking(first: numbers, on: .x86_64, unless: .trap)
    }
}
