// SPDX-License-Identifier: Apache-2.0
import Glibc
import Testing
import VMMSysUtil

@Suite struct MonitorTests {
    private struct Refused: Error, Equatable {}

    @Test("an update wakes who waits, and it gets the answer it waited for")
    func updateWakes() throws {
        let monitor = Monitor(0)
        let thread = try Thread(name: "updates") {
            for _ in 0..<3 {
                usleep(1000)
                monitor.update { $0 += 1 }
            }
        }
        #expect(monitor.wait { $0 == 3 ? "three" : nil } == "three")
        try thread.join()
    }

    @Test("a change without an update is seen once somebody signals")
    func signalWakes() throws {
        let monitor = Monitor(false)
        let thread = try Thread(name: "signals") {
            usleep(1000)
            monitor.withLock { $0 = true }
            monitor.signal()
        }
        #expect(monitor.wait(timeout: .seconds(10)) { $0 ? true : nil } == true)
        try thread.join()
    }

    @Test("a wait ends with its deadline and not before", arguments: [0, 20])
    func deadlineEnds(milliseconds: Int64) {
        let monitor = Monitor(0)
        let begin = Deadline.now
        #expect(monitor.wait(timeout: .milliseconds(milliseconds)) { _ -> Bool? in nil } == nil)
        #expect(begin.elapsed.milliseconds >= milliseconds)
    }

    @Test("a deadline that has passed still asks once")
    func passedDeadlineAsks() {
        let monitor = Monitor(7)
        #expect(monitor.wait(until: Deadline(after: .seconds(-1))) { $0 } == 7)
    }

    @Test("an error of the body leaves the state to the next")
    func errorsUnlock() {
        let monitor = Monitor(1)
        #expect(throws: Refused()) { try monitor.update { _ throws(Refused) in throw Refused() } }
        #expect(monitor.withLock { $0 } == 1)
    }

    @Test("threads that add up lose nothing")
    func excludes() throws {
        let monitor = Monitor(0)
        let other = try Thread(name: "adds") { for _ in 0..<100_000 { monitor.update { $0 += 1 } } }
        for _ in 0..<100_000 { monitor.withLock { $0 += 1 } }
        try other.join()
        #expect(monitor.withLock { $0 } == 200_000)
    }
}

@Suite struct DeadlineTests {
    @Test("what does not fit is as far away as can be, or long past")
    func saturates() {
        #expect(!Deadline(after: .seconds(Int64.max)).hasPassed)
        #expect(Deadline(after: .seconds(Int64.min)).hasPassed)
        #expect(Deadline(after: .seconds(Int64.max)).pollMilliseconds == .max)
    }

    @Test("milliseconds for poll are rounded up, and zero once it has passed")
    func pollTime() {
        #expect(Deadline(afterNanoseconds: 500_000).pollMilliseconds == 1)
        #expect(Deadline(afterNanoseconds: 0).pollMilliseconds == 0)
        #expect(Deadline(afterNanoseconds: -1).pollMilliseconds == 0)
    }

    @Test("moments are ordered, and their difference is the time between them")
    func differences() {
        let early = Deadline.now
        let late = Deadline(after: .seconds(5))
        #expect(early < late)
        #expect((late - early).nanoseconds >= 5_000_000_000)
        #expect((late - early).milliseconds < 6000)
    }

    @Test("a duration in whole units is rounded towards zero and never traps")
    func durations() {
        #expect(Duration.nanoseconds(1_999_999).milliseconds == 1)
        #expect(Duration.nanoseconds(-1_999).microseconds == -1)
        #expect(Duration.seconds(Int64.max).nanoseconds == .max)
        #expect(Duration.seconds(Int64.min).nanoseconds == .min)
    }
}
