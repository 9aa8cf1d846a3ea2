// SPDX-License-Identifier: Apache-2.0
public import SeccompilerBPF
internal import Synchronization
public import VMMSysUtil

/// Filters of system calls on the threads of a program that serves: each thread inherits that of the thread that started it, and
/// some put a narrower one on above it. A call that is refused ends the process with status 148 and one line.
///
/// What starts programs must not inherit one: see `Launcher`.
public enum Confinement {
    private static let isOnFlag = Atomic(false)

    /// Whether this process is confined. Where it is not, `narrow` does nothing.
    public static var isOn: Bool { isOnFlag.load(ordering: .acquiring) }

    /// Confines the calling thread and all that it starts, for ever. The launcher is started before, as it must be outside.
    ///
    /// - Parameters:
    ///   - thread: what it is.
    ///   - program: the first words of the line that a violation is told by.
    ///   - descriptor: where that line goes; it is kept.
    public static func confine(
        _ thread: ConfinedThread, as program: String, reportingTo descriptor: Int32
    ) throws(ConfinementError) {
        do throws(Errno) { try Launcher.shared.start() } catch { throw .launcher(error) }
        do throws(Errno) { try Violations.report(as: program, to: descriptor) } catch { throw .signal(error) }
        try install(thread)
        isOnFlag.store(true, ordering: .releasing)
    }

    /// Takes from the calling thread what its narrower work does not need, if the process is confined.
    ///
    /// A thread without its filter would be a hole that nobody sees, so the process ends where the kernel refuses.
    public static func narrow(_ thread: ConfinedThread) {
        guard isOn else { return }
        do throws(ConfinementError) { try install(thread) } catch { Violations.end(because: "has no filter: \(error)") }
    }

    private static func install(_ thread: ConfinedThread) throws(ConfinementError) {
        let program: BPFProgram
        do throws(BPFError) { program = try thread.program } catch { throw .program(thread, error) }
        do throws(InstallError) { try program.install() } catch { throw .install(thread, error) }
    }
}

/// The kinds of confined threads of nest's programs, by the names of their policies.
public enum ConfinedThread: String, CaseIterable, Sendable {
    /// The shim's: serve containerd's calls, publish events, wait for processes.
    case shim
    /// The shim's that only carry what guest and VMM send: answers of the agent, streams, logs.
    case shimGuest = "shim_guest"
    /// All of the agent's, but those that start crun.
    case agent

    /// What it may do, in this order.
    package var pieces: [FilterPiece] {
        switch self {
        case .shim: [.base, .common, .shim]
        case .shimGuest: [.base, .shimGuest]
        case .agent: [.base, .common, .agent]
        }
    }

    /// Its filter.
    package var program: BPFProgram {
        get throws(BPFError) { try BPFProgram(joining: pieces) }
    }
}

/// Why a process is not confined.
public enum ConfinementError: Error, Equatable, Sendable, CustomStringConvertible {
    /// There is no thread to start programs from.
    case launcher(Errno)
    /// `SIGSYS` could not be taken over.
    case signal(Errno)
    /// A filter is none, or has too many instructions.
    case program(ConfinedThread, BPFError)
    /// The kernel did not take a filter.
    case install(ConfinedThread, InstallError)

    /// One line.
    public var description: String {
        switch self {
        case .launcher(let error): "start a thread for programs: \(error)"
        case .signal(let error): "take over SIGSYS: \(error)"
        case .program(let thread, let error): "the seccomp filter \(thread.rawValue): \(error)"
        case .install(let thread, let error): "\(thread.rawValue): \(error)"
        }
    }
}
