// SPDX-License-Identifier: Apache-2.0
public import SeccompilerBPF
public import VMMSysUtil

/// Filters of system calls, one for each kind of thread. Each thread puts its own on, for ever, before the guest's first
/// instruction; a call that it does not allow ends the process with status 148 and one line on standard error.
public struct Sandbox: Sendable {
    /// Whose programs are put on instead of ours.
    private let replacements: [String: BPFProgram]?

    /// Our own filters: what a thread needs, and what each device that the machine has needs of the thread it lives on.
    public static let standard = Sandbox(replacements: nil)

    /// Filters of somebody else's making, from a file that `seccompiler` wrote with the programs `vmm`, `vcpu` and `api`.
    ///
    /// Each must allow at least `write` and `exit_group`, by which a violation is told.
    public init(file bytes: [UInt8]) throws(SandboxError) {
        let programs: [String: BPFProgram]
        do throws(ProgramFileError) { programs = try ProgramFile(bytes: bytes).programs } catch { throw .file(error) }
        let expected = SandboxThread.allCases.map(\.rawValue).sorted()
        guard programs.keys.sorted() == expected else { throw .programs(programs.keys.sorted()) }
        self.init(replacements: programs)
    }

    private init(replacements: [String: BPFProgram]?) { self.replacements = replacements }

    /// Confines the calling thread.
    /// - Parameters:
    ///   - thread: which kind it is.
    ///   - name: what a violation calls it.
    ///   - more: allowed besides, where the filter is ours.
    package func confine(
        _ thread: SandboxThread, as name: String, adding more: [FilterPiece] = []
    ) throws(SandboxError) {
        let program = try program(for: thread, adding: more)
        Violations.nameThread(name)
        do throws(Errno) {
            // A terminal that was in the guest's hands is set back.
            try Violations.report(as: "swiftlet") { TerminalMode.restoreNow() }
        } catch { throw .signal(error) }
        do throws(InstallError) { try program.install() } catch { throw .install(thread.rawValue, error) }
    }

    /// The filter of a thread. The thread's own calls are asked about first: they are the ones on the guest's way.
    package func program(
        for thread: SandboxThread, adding more: [FilterPiece] = []
    ) throws(SandboxError) -> BPFProgram {
        if let program = replacements?[thread.rawValue] { return program }
        do throws(BPFError) {
            return try BPFProgram(joining: [thread.piece] + more + [.base])
        } catch {
            throw .program(thread.rawValue, error)
        }
    }
}

/// The kinds of threads, by the names that Firecracker's filters have.
package enum SandboxThread: String, CaseIterable, Sendable {
    /// The device thread, which is the one that made the machine.
    case vmm
    /// Each vCPU's.
    case vcpu
    /// The one that serves the API's clients.
    case api

    var piece: FilterPiece {
        switch self {
        case .vmm: .vmm
        case .vcpu: .vcpu
        case .api: .api
        }
    }
}

/// Why a thread is not confined.
public enum SandboxError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The bytes are no file of programs.
    case file(ProgramFileError)
    /// The file has these programs instead of one for each kind of thread.
    case programs([String])
    /// A thread's filter is none, or has too many instructions.
    case program(String, BPFError)
    /// `SIGSYS` could not be taken over.
    case signal(Errno)
    /// The threads could not wait for each other.
    case gate(Errno)
    /// The kernel did not take a thread's filter.
    case install(String, InstallError)

    /// One line.
    public var description: String {
        switch self {
        case .file(let error): "not a file of seccomp filters: \(error)"
        case .programs(let names):
            "the file of seccomp filters has \(names.isEmpty ? "none" : names.joined(separator: ", ")): api, vcpu and vmm are needed"
        case .program(let thread, let error): "the seccomp filter of \(thread): \(error)"
        case .signal(let error): "take over SIGSYS: \(error)"
        case .gate(let error): "wait for the threads: \(error)"
        case .install(let thread, let error): "\(thread): \(error)"
        }
    }
}
