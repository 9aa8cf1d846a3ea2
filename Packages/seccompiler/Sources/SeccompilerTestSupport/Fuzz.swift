// SPDX-License-Identifier: Apache-2.0
internal import Glibc
public import Seccompiler

/// What a fuzzed policy came to.
public enum FuzzedPolicy: Equatable, Sendable {
    /// It is none.
    case refused(PolicyError)
    /// Its filters were compiled, or are too long for a program.
    case compiled(filterCount: Int, tooLongCount: Int)
}

/// Reads any bytes as a policy, compiles its filters with both back ends for all architectures, and runs and disassembles
/// what comes out. A program that does something else than its filter, or an error of a back end other than "too long",
/// aborts.
@discardableResult
public func fuzzPolicy(_ bytes: UnsafeRawBufferPointer) -> FuzzedPolicy {
    var outcome = FuzzedPolicy.compiled(filterCount: 0, tooLongCount: 0)
    for architecture in Architecture.allCases.reversed() {
        do throws(PolicyError) {
            let policy = try Policy(json: bytes, architecture: architecture)
            var tooLong = 0
            for entry in policy.entries where !compileAllWays(entry.filter) { tooLong += 1 }
            outcome = .compiled(filterCount: policy.entries.count, tooLongCount: tooLong)
        } catch {
            outcome = .refused(error)
        }
    }
    return outcome
}

private func compileAllWays(_ filter: Filter) -> Bool {
    let histogram = Dictionary(filter.numbers.enumerated().map { ($1, UInt64($0 * $0 + 1)) }, uniquingKeysWith: max)
    do throws(CompileError) {
        let automatic = try filter.compile()
        let own = try filter.compile(backEnd: .own)
        let weighted = try filter.compile(histogram: histogram)
        for program in [automatic.program, own.program, weighted.program] {
            guard !program.disassembly.isEmpty, (try? BPFProgram(exported: program.bytes)) == program else {
                finding("a program that cannot be read back")
            }
        }
        _ = filter.findings.map(filter.describe)
        return true
    } catch {
        if case .program(.tooLong) = error { return false }
        finding("\(error)")
    }
}

/// What fuzzed bytes came to as a program.
public enum FuzzedBPF: Equatable, Sendable {
    /// The kernel would not take it.
    case refused(BPFError)
    /// It runs; the most instructions that one of the calls took.
    case ran(instructionCountMax: Int)
}

/// Reads any bytes as a BPF program, and as a file of programs. What is one must read back the same, disassemble to a line
/// for each instruction, and end within its length on any call.
@discardableResult
public func fuzzBPF(_ bytes: UnsafeRawBufferPointer) -> FuzzedBPF {
    if let file = try? ProgramFile(bytes: Array(bytes)) {
        guard let again = try? ProgramFile(bytes: file.bytes), again == file else { finding("a file that changes") }
    }
    do throws(BPFError) {
        let program = try BPFProgram(bytes: bytes)
        guard program.bytes.elementsEqual(bytes) else { finding("a program that changes") }
        guard program.disassembly.split(separator: "\n").count == program.instructions.count else {
            finding("a listing with other than one line an instruction")
        }
        var most = 0
        for architecture in Architecture.allCases {
            for number in [0, 16, 257, 0x4000_0001, UInt32.max] {
                for argument in [0, 1, UInt64(UInt32.max), 1 << 32, .max] {
                    let call = SystemCall(number, [argument, argument &+ 1, ~argument], on: architecture)
                    let outcome = program.run(on: call)
                    guard outcome.instructionCount <= program.instructions.count else {
                        finding("a program that loops")
                    }
                    most = max(most, outcome.instructionCount)
                }
            }
        }
        return .ran(instructionCountMax: most)
    } catch {
        return .refused(error)
    }
}

/// Ends the process, so that the fuzzer keeps the input.
private func finding(_ text: String) -> Never {
    print("finding: \(text)")
    fflush(nil)
    abort()
}
