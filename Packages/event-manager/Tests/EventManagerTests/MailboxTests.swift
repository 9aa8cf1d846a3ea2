// SPDX-License-Identifier: Apache-2.0
import EventManager
import Glibc
import Synchronization
import Testing
import VMMSysUtil

@Suite(.timeLimit(.minutes(1))) struct MailboxTests {
    @Test("work of another thread runs on the loop's thread, and its result comes back")
    func performs() throws {
        let running = try Running()
        let (id, isOwner) = try running.mailbox.performAndWait { loop in
            (Thread.currentID, loop.mailbox.isOwnedByThisThread)
        }
        #expect(id != Thread.currentID)
        #expect(isOwner)
        #expect(!running.mailbox.isOwnedByThisThread)
        running.mailbox.stop()
        try running.join()
    }

    @Test("what one thread posts runs in the order of posting")
    func order() throws {
        let running = try Running()
        let seen = Box(Mutex<[Int]>([]))
        for number in 0..<1_000 { try running.mailbox.post { _ in seen.value.withLock { $0.append(number) } } }
        _ = try running.mailbox.performAndWait { _ in 0 }
        #expect(seen.value.withLock { $0 } == Array(0..<1_000))
        running.mailbox.stop()
        try running.join()
    }

    @Test("many threads at once lose nothing")
    func manyThreads() throws {
        let running = try Running()
        let count = Box(Mutex(0))
        let mailbox = running.mailbox
        var done: [Box<Mutex<Thread?>>] = []
        for _ in 0..<4 {
            done.append(
                Box(
                    Mutex(
                        try Thread(name: "poster") {
                            for round in 0..<500 {
                                if round % 10 == 0 {
                                    _ = try? mailbox.performAndWait { _ in count.value.withLock { $0 += 1 } }
                                } else {
                                    try? mailbox.post { _ in count.value.withLock { $0 += 1 } }
                                }
                            }
                        })))
        }
        for thread in done {
            if let thread = thread.value.withLock({ $0.take() }) { try thread.join() }
        }
        _ = try mailbox.performAndWait { _ in 0 }
        #expect(count.value.withLock { $0 } == 2_000)
        mailbox.stop()
        try running.join()
    }

    @Test("on the loop's own thread performAndWait runs at once, also before the loop runs")
    func inline() throws {
        let loop = try EventLoop()
        #expect(try loop.mailbox.performAndWait { $0.registrationCount } == 0)
        let mailbox = loop.mailbox
        let nested = Box(Mutex(0))
        try mailbox.post { loop in
            let value = (try? loop.mailbox.performAndWait { _ in 5 }) ?? -1
            nested.value.withLock { $0 = value }
        }
        #expect(try loop.runOnce(timeoutMilliseconds: 0) == 1)
        #expect(nested.value.withLock { $0 } == 5)
    }

    @Test("posted work that posts does not keep the loop from its descriptors")
    func postingWork() throws {
        let loop = try EventLoop()
        @Sendable func again(_ loop: EventLoop) { try? loop.mailbox.post(again) }
        try loop.mailbox.post(again)
        let event = try EventFD()
        try event.write()
        var calls = 0
        try loop.add(event.descriptor, for: .readable) { _, _, _ in calls += 1 }
        for _ in 0..<10 { _ = try loop.runOnce(timeoutMilliseconds: 0) }
        #expect(calls >= 9)
    }

    @Test("work may register descriptors and stop the loop")
    func registers() throws {
        let running = try Running()
        let event = try Box(EventFD())
        try running.mailbox.performAndWait { loop in
            _ = try? loop.add(event.value.descriptor, for: .readable) { _, _, loop in loop.mailbox.stop() }
        }
        try event.value.write()
        try running.join()
    }

    @Test("what was posted before the stop has run when the loop ends; later work is refused")
    func stops() throws {
        let running = try Running()
        let count = Box(Mutex(0))
        for _ in 0..<100 { try running.mailbox.post { _ in count.value.withLock { $0 += 1 } } }
        running.mailbox.stop()
        running.mailbox.stop()
        try running.join()
        #expect(count.value.withLock { $0 } == 100)
        #expect(throws: EventLoopError.stopped) { try running.mailbox.post { _ in } }
        #expect(throws: EventLoopError.stopped) { try running.mailbox.performAndWait { _ in 0 } }
    }

    @Test("a loop stopped before it runs returns at once")
    func stoppedEarly() throws {
        let loop = try EventLoop()
        loop.mailbox.stop()
        try loop.run()
    }

    @Test("who waits for a loop that is never run gets an error when it is gone")
    func abandoned() throws {
        var loop: EventLoop? = try EventLoop()
        let mailbox = try #require(loop?.mailbox)
        let outcome = Box(Mutex<EventLoopError?>(nil))
        let thread = try Thread(name: "waiter") {
            do throws(EventLoopError) {
                _ = try mailbox.performAndWait { _ in 0 }
            } catch {
                outcome.value.withLock { $0 = error }
            }
        }
        usleep(20_000)
        loop = nil
        try thread.join()
        #expect(outcome.value.withLock { $0 } == .stopped)
    }
}
