// SPDX-License-Identifier: Apache-2.0
import EventManager
import Testing
import VMMSysUtil

@Suite struct EventLoopTests {
    @Test("a handler gets the events of its descriptor")
    func delivers() throws {
        let loop = try EventLoop()
        let event = try EventFD()
        var seen: [EventSet] = []
        try loop.add(event.descriptor, for: .readable) { events, _, _ in seen.append(events) }
        #expect(try loop.runOnce(timeoutMilliseconds: 0) == 0)
        try event.write()
        #expect(try loop.runOnce(timeoutMilliseconds: 0) == 1)
        #expect(seen == [.readable])
    }
}
