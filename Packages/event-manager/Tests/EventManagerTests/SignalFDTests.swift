// SPDX-License-Identifier: Apache-2.0
import EventManager
import Glibc
import Synchronization
import Testing
import VMMSysUtil

@Suite struct SignalFDTests {
    @Test("a blocked signal is read with its sender instead of interrupting the thread")
    func reads() throws {
        // A thread of its own: the signal is sent to it alone, and its mask is nobody else's.
        let seen = Box(Mutex<SignalFD.Arrival?>(nil))
        let after = Box(Mutex<SignalFD.Arrival?>(nil))
        let thread = try Thread(name: "signals", blockedSignals: []) {
            guard let signals = try? SignalFD([.user2]) else { return }
            pthread_kill(pthread_self(), SIGUSR2)
            let first = try? signals.read()
            let second = try? signals.read()
            seen.value.withLock { $0 = first }
            after.value.withLock { $0 = second }
        }
        try thread.join()
        #expect(seen.value.withLock { $0 }?.signal == .user2)
        #expect(seen.value.withLock { $0 }?.processID == getpid())
        #expect(after.value.withLock { $0 } == nil)
    }

    @Test("no signal is no arrival")
    func empty() throws {
        let seen = Box(Mutex(true))
        let thread = try Thread(name: "signals", blockedSignals: []) {
            let isNone = (try? SignalFD([.windowChanged]).read()) == nil
            seen.value.withLock { $0 = isNone }
        }
        try thread.join()
        #expect(seen.value.withLock { $0 })
    }
}
