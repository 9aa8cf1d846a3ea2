// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import NestSandbox
internal import Synchronization
internal import VMMSysUtil

/// The VMM's process and the thread that made it.
///
/// The kernel kills the VMM when the *thread* that made it ends (PR_SET_PDEATHSIG), so that it cannot survive the shim. That
/// thread is therefore one of its own, which lives until the VMM has ended and reaps it. The VMM inherits that thread's filter of
/// system calls, so it has none.
final class VMMProcess: Sendable {
    /// Its number, on the host.
    let processID: Int32
    private let monitor: Monitor<State>

    private struct State: Sendable {
        var started: Result<Int32, HypervisorError>?
        var end: VMEnd?
    }

    private init(_ monitor: Monitor<State>, _ processID: Int32) {
        self.monitor = monitor
        self.processID = processID
    }

    /// Starts it.
    static func start(_ jail: consuming Jail, user: consuming UserID) throws(HypervisorError) -> VMMProcess {
        let monitor = Monitor(State())
        let life = VMMLife(jail, user)
        do throws(Errno) {
            try Launcher.shared.startThread("vmm", stackByteCount: 256 << 10, blockedSignals: .all) {
                run(life, monitor)
            }
        } catch {
            throw .jail(step: .clone, subject: "", error)
        }
        return VMMProcess(monitor, try monitor.wait { $0.started }.get())
    }

    /// The thread's body.
    private static func run(_ life: VMMLife, _ monitor: Monitor<State>) {
        let result = life.start()
        monitor.update { $0.started = result }
        guard case .success(let pid) = result else { return }
        // First without reaping: as long as the number is its, it can be killed by it.
        var information = siginfo_t()
        while waitid(P_PID, id_t(pid), &information, WEXITED | WNOWAIT) < 0 && Glibc.errno == EINTR {}
        monitor.update { state in
            var status: Int32 = 0
            while waitpid(pid, &status, 0) < 0 && Glibc.errno == EINTR {}
            let signal = status & 0x7F
            life.end()
            state.end = signal == 0 ? .exited(status: (status >> 8) & 0xFF) : .signalled(signal)
        }
    }

    /// How it ended; nil while it runs.
    var end: VMEnd? { monitor.withLock { $0.end } }

    /// Waits for its end.
    func wait() -> VMEnd { monitor.wait { $0.end } }

    /// Ends it at once. As process 1 of its namespace it cannot ignore this signal from outside.
    func kill() {
        monitor.withLock { state in
            if state.end == nil { _ = Glibc.kill(processID, SIGKILL) }
        }
    }
}

/// What the thread owns: the jail until the VMM has started, its user until it has ended.
private final class VMMLife: Sendable {
    private let jail: Mutex<Jail?>
    private let user: Mutex<UserID?>

    init(_ jail: consuming Jail, _ user: consuming UserID) {
        self.jail = Mutex(jail)
        self.user = Mutex(user)
    }

    /// Starts the VMM and closes our copies of its streams, whose end its readers would else not see.
    func start() -> Result<Int32, HypervisorError> {
        guard let jail = jail.withLock({ $0.take() }) else { return .failure(.badPlan("started twice")) }
        do throws(HypervisorError) { return .success(try jail.start()) } catch {
            end()
            return .failure(error)
        }
    }

    /// Nothing runs as the user any more.
    func end() { _ = user.withLock { $0.take() } }
}
