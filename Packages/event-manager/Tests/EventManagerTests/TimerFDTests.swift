// SPDX-License-Identifier: Apache-2.0
import EventManager
import Glibc
import Testing
import VMMSysUtil

@Suite struct TimerFDTests {
    @Test(
        "a timer fires once after its delay and wakes the loop",
        arguments: [
            TimerFD.Clock.monotonic, .bootTime, .realTime,
        ])
    func fires(_ clock: TimerFD.Clock) throws {
        let loop = try EventLoop()
        let timer = try Box(TimerFD(clock: clock))
        var count: UInt64 = 0
        try loop.add(timer.value.descriptor, for: .readable) { _, _, _ in count += (try? timer.value.read()) ?? 0 }
        try timer.value.set(after: .milliseconds(5))
        #expect(try loop.runOnce(timeoutMilliseconds: 0) == 0)
        #expect(try loop.runOnce(timeoutMilliseconds: 5_000) == 1)
        #expect(count == 1)
        #expect(try loop.runOnce(timeoutMilliseconds: 20) == 0)
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
