// SPDX-License-Identifier: Apache-2.0
internal import CSeccompilerProbe
public import Seccompiler
public import VMMSysUtil

/// Asks the running kernel what a program does, with real system calls in a child process.
public enum KernelProbe {
    /// What became of one call.
    public enum Answer: Hashable, Sendable {
        /// It returned this.
        case returned(Int64)
        /// It failed.
        case failed(Errno)
        /// `SIGSYS` arrived and named this call.
        case trapped(number: Int32)
        /// The process ended by this signal.
        case died(signal: Int32)
        /// An earlier one ended the process.
        case notRun
    }

    /// Makes the calls, in order, under the filter. Ending itself and returning from a signal handler are always allowed
    /// to the process. A call of 32-bit x86 (`auditValue` 0x40000003) is made by its own convention.
    public static func answers(
        to calls: [SystemCall], under program: BPFProgram
    ) throws(Errno) -> [Answer] {
        let instructions = (exits + program.instructions).map(\.rawValue)
        var copies = calls.map { call in
            var copy = probe_call()
            copy.number = UInt64(call.number)
            copy.is_i386 = call.auditValue == 0x4000_0003 ? 1 : 0
            withUnsafeMutableBytes(of: &copy.arguments) { bytes in
                for index in 0..<SystemCall.argumentCount {
                    bytes.storeBytes(of: call.arguments[index], toByteOffset: index * 8, as: UInt64.self)
                }
            }
            return copy
        }
        guard let count = UInt16(exactly: instructions.count) else { throw .tooBig }
        let status = probe_run(instructions, count, &copies, copies.count)
        guard status >= 0 else { throw .last }
        var death: Answer? = status & 0x7F == 0 ? nil : .died(signal: status & 0x7F)
        return copies.map { copy in
            switch copy.state {
            case UInt32(PROBE_RETURNED.rawValue):
                return copy.error == 0 ? .returned(copy.result) : .failed(Errno(rawValue: copy.error))
            case UInt32(PROBE_TRAPPED.rawValue): return .trapped(number: copy.trapped_number)
            default:
                defer { death = nil }
                return death ?? .notRun
            }
        }
    }

    /// What the kernel says to each call, without any of them being made: each action of the program is replaced by an
    /// error number of its own, and the answers are translated back.
    ///
    /// Only programs that return constants can be asked, and only of the machine's own architecture.
    public static func actions(for calls: [SystemCall], under program: BPFProgram) throws(Errno) -> [Action] {
        let values = Set(program.instructions.filter { $0.code == 0x06 }.map(\.operand)).sorted()
        let mark: UInt32 = 2000
        let marked = program.instructions.map { instruction in
            guard instruction.code == 0x06, let index = values.firstIndex(of: instruction.operand) else {
                return instruction
            }
            return Instruction(code: 0x06, operand: 0x0005_0000 | (mark + UInt32(index)))
        }
        let harmless: BPFProgram
        do throws(BPFError) {
            harmless = try BPFProgram(marked)
        } catch {
            throw .invalidArgument
        }
        var actions: [Action] = []
        for answer in try answers(to: calls, under: harmless) {
            guard case .failed(let error) = answer, let index = Int32(exactly: error.rawValue - Int32(mark)),
                values.indices.contains(Int(index))
            else { throw .badMessage }
            actions.append(Action(returnValue: values[Int(index)]))
        }
        return actions
    }

    /// Whether the kernel takes these instructions: nil, or why not.
    public static func refusal(of instructions: [Instruction]) -> Errno? {
        let error = probe_accepts(instructions.map(\.rawValue), instructions.count)
        return error == 0 ? nil : Errno(rawValue: error)
    }

    /// Runs `body` in a child process and gives what it answered, from 0 to 255, or nil if a signal ended it. Only this
    /// thread is in the child.
    public static func inChild(_ body: @escaping @Sendable () -> Int32) -> Int32? {
        let box = Box(body)
        let status = withExtendedLifetime(box) {
            probe_fork(
                { context in
                    guard let context else { return 255 }
                    return Unmanaged<Box>.fromOpaque(context).takeUnretainedValue().body()
                }, Unmanaged.passUnretained(box).toOpaque())
        }
        return status & 0x7F == 0 ? (status >> 8) & 0xFF : nil
    }

    private final class Box: Sendable {
        let body: @Sendable () -> Int32
        init(_ body: @escaping @Sendable () -> Int32) { self.body = body }
    }

    /// Whether the kernel asks a filter of the machine's architecture about this number here at all: the probe lets itself
    /// end, and on x86_64 recent kernels let uretprobe (and, by their source, uprobe) pass before any filter.
    public static func isAsked(about number: UInt32) -> Bool {
        guard let native = Architecture.native else { return false }
        if native == .x86_64, number == 335 || number == 336 { return false }
        return number != native.syscallNumber("exit_group") && number != native.syscallNumber("rt_sigreturn")
    }

    /// Lets exit_group and rt_sigreturn pass before the program is asked.
    private static let exits: [Instruction] = {
        let native = Architecture.native ?? .x86_64
        let exit = native.syscallNumber("exit_group") ?? 0
        let signalReturn = native.syscallNumber("rt_sigreturn") ?? 0
        return [
            Instruction(code: 0x20, operand: 4),
            Instruction(code: 0x15, ifTrue: 0, ifFalse: 4, operand: native.auditValue),
            Instruction(code: 0x20, operand: 0),
            Instruction(code: 0x15, ifTrue: 1, ifFalse: 0, operand: exit),
            Instruction(code: 0x15, ifTrue: 0, ifFalse: 1, operand: signalReturn),
            Instruction(code: 0x06, operand: Action.allow.returnValue),
            // A program starts with an accumulator of zero.
            Instruction(code: 0x00, operand: 0),
        ]
    }()
}
