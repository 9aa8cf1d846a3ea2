// SPDX-License-Identifier: Apache-2.0
import EventManager
import Glibc
import Testing
import VMMSysUtil

@Suite struct TimerTests {
    @Test(
        "a timer wakes the loop once, after its delay",
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
}
