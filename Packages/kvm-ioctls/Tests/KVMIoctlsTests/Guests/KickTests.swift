// SPDX-License-Identifier: Apache-2.0
import Glibc
import KVMIoctls
import Synchronization
import Testing
import VMMSysUtil

@Suite("Kicks", needsKVM, .serialized)
struct KickTests {
    /// What the two threads of a test share.
    final class Shared: Sendable {
        let done = Atomic<Int>(0)
        let asked = Atomic<Int>(0)
        let failures = Atomic<Int>(0)
        let stop = Atomic<Bool>(false)
    }

    @Test("A kick before the first run is answered by it")
    func before() throws {
        let guest = try MicroGuest(Code.spin)
        guest.vcpu.kickHandle.kick()
        guard case .interrupted = try guest.vcpu.run() else { Issue.record("not interrupted"); return }
    }

    @Test("Many kicks between two runs are answered once")
    func merged() throws {
        let guest = try MicroGuest(Code.out(0x10, 1) + Code.hlt)
        for _ in 0..<100 { guest.vcpu.kickHandle.kick() }
        guard case .interrupted = try guest.vcpu.run() else { Issue.record("not interrupted"); return }
        guard case .portWrite = try guest.vcpu.run() else { Issue.record("interrupted again"); return }
    }

    @Test("A kick ends a guest that spins, on another thread")
    func spinning() throws {
        let guest = try MicroGuest(Code.spin)
        let shared = Shared()
        let thread = try Thread(name: "vcpu") {
            if case .interrupted? = try? guest.vcpu.run() { shared.done.store(1, ordering: .releasing) }
        }
        usleep(20_000)
        guest.vcpu.kickHandle.kick()
        try thread.join()
        #expect(shared.done.load(ordering: .acquiring) == 1)
    }

    @Test("A kick ends a guest that halts in the kernel")
    func halted() throws {
        let guest = try MicroGuest(Code.cli + Code.hlt, controllers: .full)
        let shared = Shared()
        let thread = try Thread(name: "vcpu") {
            if case .interrupted? = try? guest.vcpu.run() { shared.done.store(1, ordering: .releasing) }
        }
        usleep(20_000)
        guest.vcpu.kickHandle.kick()
        try thread.join()
        #expect(shared.done.load(ordering: .acquiring) == 1)
    }

    @Test("A thread that blocks every signal is kicked all the same")
    func blockedSignals() throws {
        let guest = try MicroGuest(Code.spin)
        let shared = Shared()
        let thread = try Thread(name: "vcpu", blockedSignals: .all) {
            if case .interrupted? = try? guest.vcpu.run() { shared.done.store(1, ordering: .releasing) }
        }
        usleep(20_000)
        guest.vcpu.kickHandle.kick()
        try thread.join()
        #expect(shared.done.load(ordering: .acquiring) == 1)
    }

    @Test("A kick follows a vCPU that moved to another thread")
    func moved() throws {
        let guest = try MicroGuest(Code.spin)
        let shared = Shared()
        for turn in 1...20 {
            let thread = try Thread(name: "vcpu") {
                if case .interrupted? = try? guest.vcpu.run() { shared.done.wrappingAdd(1, ordering: .releasing) }
            }
            usleep(500)
            guest.vcpu.kickHandle.kick()
            try thread.join()
            #expect(shared.done.load(ordering: .acquiring) == turn)
        }
    }

    @Test("A handle whose vCPU is gone does nothing")
    func gone() throws {
        var guest: MicroGuest? = try MicroGuest(Code.hlt)
        try guest?.expectHalt()
        let handle = try #require(guest?.vcpu.kickHandle)
        guest = nil
        for _ in 0..<1000 { handle.kick() }
    }

    @Test("A handler that the program installed for the signal stays, and kicks work with it")
    func ownHandler() throws {
        signal(SIGURG) { _ in }
        let before = currentHandler()
        let guest = try MicroGuest(Code.spin)
        guest.vcpu.kickHandle.kick()
        guard case .interrupted = try guest.vcpu.run() else { Issue.record("not interrupted"); return }
        #expect(currentHandler() == before && before != nil)
    }

    private func currentHandler() -> UnsafeRawPointer? {
        var action = sigaction()
        sigaction(SIGURG, nil, &action)
        return unsafeBitCast(action.__sigaction_handler.sa_handler, to: UnsafeRawPointer?.self)
    }

    /// Kicks of each stress test; `KVM_IOCTLS_KICKS` in the environment sets another number, such as a million for a
    /// soak.
    static let kickCount = getenv("KVM_IOCTLS_KICKS").flatMap { Int(String(cString: $0)) } ?? 5000

    @Test("Thousands of kicks, each waited for, against a guest that halts in the kernel: none is lost")
    func stressHalted() throws {
        try stress(MicroGuest(Code.cli + Code.hlt, controllers: .full), kicks: KickTests.kickCount)
    }

    /// Fewer: the two threads compete for the processor, and on a busy machine each kick takes a time slice.
    @Test("Hundreds against a guest that exits all the time: none is lost")
    func stressExiting() throws {
        try stress(MicroGuest(Code.out(0x10, 1) + [0xEB, 0xFA]), kicks: KickTests.kickCount / 10)
    }

    /// Each round asks for something, kicks once, and waits until the vCPU's thread has seen the request after an
    /// `.interrupted`. A lost kick leaves that thread in the guest for ever: the round's time limit finds it.
    private func stress(_ guest: MicroGuest, kicks: Int) throws {
        let shared = Shared()
        let handle = guest.vcpu.kickHandle
        let thread = try Thread(name: "vcpu") {
            while !shared.stop.load(ordering: .acquiring) {
                switch try? guest.vcpu.run() {
                case .interrupted:
                    // Relaxed: the order that a kick promises is what is tested.
                    shared.done.store(shared.asked.load(ordering: .relaxed), ordering: .releasing)
                case .portWrite: continue
                default:
                    shared.failures.wrappingAdd(1, ordering: .relaxed)
                    return
                }
            }
        }
        var lost = 0
        rounds: for round in 1...kicks {
            shared.asked.store(round, ordering: .relaxed)
            handle.kick()
            var polls = 0
            while shared.done.load(ordering: .acquiring) != round {
                if shared.failures.load(ordering: .relaxed) != 0 { break rounds }
                polls += 1
                if polls > 100 { sched_yield() }
                if polls > 50_000 { usleep(1000) }
                if polls > 60_000 {
                    lost = round
                    break rounds
                }
            }
        }
        shared.stop.store(true, ordering: .releasing)
        handle.kick()
        try thread.join()
        #expect(lost == 0, "the kick of this round was lost")
        #expect(shared.failures.load(ordering: .relaxed) == 0)
    }
}
