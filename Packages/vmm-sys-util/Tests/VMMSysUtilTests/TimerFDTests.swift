// SPDX-License-Identifier: Apache-2.0
import Glibc
import Testing
import VMMSysUtil

@Suite struct TimerFDTests {
    @Test("a deadline fires once: at that moment, at once if it has passed")
    func deadline() throws {
        let timer = try TimerFD()
        let moment = Deadline(after: .milliseconds(20))
        try timer.set(at: moment)
        while try timer.read() == 0 { usleep(100) }
        #expect(moment.hasPassed)
        try timer.set(at: Deadline(after: .seconds(-5)))
        usleep(2_000)
        #expect(try timer.read() == 1)
        #expect(try timer.read() == 0)
    }

    @Test(
        "a deadline before the clock's start has passed, one at its end never comes",
        arguments: [(Int64.min, true), (0, true), (.max, false)])
    func extremes(_ nanoseconds: Int64, hasPassed: Bool) throws {
        let timer = try TimerFD()
        try timer.set(at: Deadline(nanoseconds: nanoseconds))
        usleep(2_000)
        #expect(try timer.read() == (hasPassed ? 1 : 0))
    }

    @Test("a delay of ages does not trap and does not fire", arguments: [Duration.seconds(Int64.max)])
    func ages(_ delay: Duration) throws {
        let timer = try TimerFD()
        try timer.set(after: delay, every: delay)
        #expect(try timer.read() == 0)
    }

    @Test("a delay of zero or less fires at once", arguments: [Duration.zero, .seconds(-5)])
    func immediate(_ delay: Duration) throws {
        let timer = try TimerFD()
        try timer.set(after: delay)
        usleep(2_000)
        #expect(try timer.read() == 1)
        #expect(try timer.read() == 0)
    }

    @Test("an interval counts what nobody read")
    func interval() throws {
        let timer = try TimerFD()
        try timer.set(after: .milliseconds(1), every: .milliseconds(1))
        usleep(20_000)
        #expect(try timer.read() >= 5)
    }

    @Test("a disarmed timer does not fire and forgets what it fired")
    func disarms() throws {
        let timer = try TimerFD()
        try timer.set(after: .zero)
        usleep(2_000)
        try timer.disarm()
        #expect(try timer.read() == 0)
    }
}
