// SPDX-License-Identifier: Apache-2.0
import Glibc
import Synchronization
import Testing
import VMMSysUtil

@Suite struct ThreadTests {
    @Test("starting a thread with a mask of its own delivers nothing that is pending in the caller")
    func pendingSignalStays() async {
        await #expect(processExitsWith: .success) {
            let set: SignalSet = [.user2]
            try set.block()
            raise(Signal.user2.rawValue)
            try Thread(name: "unblocked", blockedSignals: []) {}.join()
            exit(0)
        }
    }

    @Test("join waits for the body, and what it wrote is seen")
    func joins() throws {
        let count = Mutex(0)
        let box = Shared(count)
        let thread = try Thread(name: "worker") {
            usleep(5_000)
            box.value.withLock { $0 = 42 }
        }
        try thread.join()
        #expect(box.value.withLock { $0 } == 42)
    }

    @Test("a thread has its own number and the name it was given, cut at 15 bytes")
    func names() throws {
        let seen = Shared(Mutex(("", Int32(0))))
        let thread = try Thread(name: "a-rather-long-name") {
            let name = (try? FileDescriptor.open("/proc/thread-self/comm").bytes(32)) ?? []
            seen.value.withLock { $0 = (String(decoding: name, as: UTF8.self), Thread.currentID) }
        }
        try thread.join()
        let (name, id) = seen.value.withLock { $0 }
        #expect(name == "a-rather-long-n\n")
        #expect(id > 0 && id != Thread.currentID)
    }

    @MainActor @Test("a closure made on the main actor runs on the new thread without a trap")
    func isolation() throws {
        let ran = Shared(Mutex(false))
        let thread = try Thread(name: "worker") { ran.value.withLock { $0 = true } }
        try thread.join()
        #expect(ran.value.withLock { $0 })
    }

    @Test("the signals named are blocked from the start, and the caller's own mask stays")
    func mask() throws {
        let before = try SignalSet.blocked()
        let seen = Shared(Mutex<SignalSet?>(nil))
        let thread = try Thread(name: "worker", blockedSignals: [.user2, .windowChanged]) {
            seen.value.withLock { $0 = try? SignalSet.blocked() }
        }
        try thread.join()
        #expect(seen.value.withLock { $0 } == [.user2, .windowChanged])
        #expect(try SignalSet.blocked() == before)
    }

    @Test("a stack size that the C library refuses is an error, and nothing is started")
    func stackSize() throws {
        #expect(throws: Errno.invalidArgument) { _ = try Thread(name: "tiny", stackByteCount: 1) {} }
        try Thread(name: "small", stackByteCount: 1 << 20) {}.join()
    }

    @Test("a dropped thread runs on by itself")
    func detaches() throws {
        let event = try EventFD(isNonBlocking: false)
        let number = try event.descriptor.duplicate().release()
        do {
            _ = try Thread(name: "free") {
                usleep(2_000)
                try? EventFD(adopting: FileDescriptor(owning: number)).write()
            }
        }
        #expect(try event.read() == 1)
    }

    @Test("a signal to a thread that has ended is no error")
    func lateSignal() throws {
        let thread = try Thread(name: "short") {}
        usleep(20_000)
        try thread.send(.windowChanged)
        try thread.join()
    }
}

final class Shared<Value: ~Copyable & Sendable>: Sendable {
    let value: Value
    init(_ value: consuming Value) { self.value = value }
}
