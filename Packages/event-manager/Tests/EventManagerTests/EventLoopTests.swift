// SPDX-License-Identifier: Apache-2.0
import EventManager
import Glibc
import Testing
import VMMSysUtil

@Suite struct EventLoopTests {
    let loop: EventLoop

    init() throws { loop = try EventLoop() }

    private func serve() throws -> Int { try loop.runOnce(timeoutMilliseconds: 0) }

    @Test("a handler gets the events of its descriptor, again and again until it serves them")
    func delivers() throws {
        let event = try EventFD()
        var seen: [EventSet] = []
        let token = try loop.add(event.descriptor, for: .readable) { events, _, _ in seen.append(events) }
        #expect(try serve() == 0)
        try event.write()
        #expect(try serve() == 1)
        #expect(try serve() == 1)
        try event.read()
        #expect(try serve() == 0)
        #expect(seen == [.readable, .readable])
        try loop.remove(token)
    }

    @Test("a handler object gets its token and its loop")
    func handlerObject() throws {
        final class Handler: EventHandler {
            var calls: [(EventToken, ObjectIdentifier)] = []
            func handle(_ events: EventSet, of token: EventToken, in loop: EventLoop) {
                calls.append((token, ObjectIdentifier(loop)))
            }
        }
        let event = try EventFD()
        let handler = Handler()
        let token = try loop.add(event.descriptor, for: .readable, handler: handler)
        try event.write()
        #expect(try serve() == 1)
        #expect(handler.calls.count == 1)
        #expect(handler.calls.first?.0 == token)
        #expect(handler.calls.first?.1 == ObjectIdentifier(loop))
    }

    @Test("what a registration waits for can be changed")
    func modifies() throws {
        let pair = try SocketPair()
        var seen: [EventSet] = []
        let token = try loop.add(pair.first, for: .readable) { events, _, _ in seen.append(events) }
        #expect(try serve() == 0)
        try loop.modify(token, for: [.readable, .writable])
        #expect(try serve() == 1)
        try loop.modify(token, for: [])
        #expect(try serve() == 0)
        #expect(seen == [.writable])
    }

    @Test("a one-shot registration is silent after one event until it is modified")
    func oneShot() throws {
        let event = try EventFD()
        try event.write()
        let token = try loop.add(event.descriptor, for: [.readable, .oneShot]) { _, _, _ in }
        #expect(try serve() == 1)
        #expect(try serve() == 0)
        try loop.modify(token, for: [.readable, .oneShot])
        #expect(try serve() == 1)
    }

    @Test("an edge-triggered registration is called for a change, not for a state")
    func edgeTriggered() throws {
        let event = try EventFD()
        try event.write()
        try loop.add(event.descriptor, for: [.readable, .edgeTriggered]) { _, _, _ in }
        #expect(try serve() == 1)
        #expect(try serve() == 0)
        try event.write()
        #expect(try serve() == 1)
    }

    @Test("a peer that goes away is a hang-up, asked for or not")
    func hangUp() throws {
        let pair = try SocketPair()
        let kept = pair.first
        let other = pair.second
        var seen: EventSet = []
        try loop.add(kept, for: []) { events, _, _ in seen = events }
        #expect(try serve() == 0)
        _ = consume other
        #expect(try serve() == 1)
        #expect(seen.contains(.hangUp))
    }

    @Test("a removed registration gets nothing, and its token is refused from then on")
    func removes() throws {
        let event = try EventFD()
        let token = try loop.add(event.descriptor, for: .readable) { _, _, _ in Issue.record("called") }
        try event.write()
        try loop.remove(token)
        #expect(try serve() == 0)
        #expect(loop.registrationCount == 0)
        #expect(throws: EventLoopError.unknownToken(token)) { try loop.remove(token) }
        #expect(throws: EventLoopError.unknownToken(token)) { try loop.modify(token, for: .readable) }
    }

    @Test("a handler may remove itself, and lives until it returns")
    func removesItself() throws {
        final class Witness {}
        let event = try EventFD()
        try event.write()
        weak var gone: Witness?
        do {
            let witness = Witness()
            gone = witness
            try loop.add(event.descriptor, for: .readable) { _, token, loop in
                try? loop.remove(token)
                _ = Unmanaged.passUnretained(witness).toOpaque()
            }
        }
        #expect(gone != nil)
        #expect(try serve() == 1)
        #expect(gone == nil)
        #expect(try serve() == 0)
    }

    @Test("a handler that removes another takes it off the batch that is being served")
    func removesOther() throws {
        let events = [try Box(EventFD()), try Box(EventFD())]
        var tokens: [EventToken] = []
        var calls = 0
        for event in events {
            tokens.append(
                try loop.add(event.value.descriptor, for: .readable) { _, token, loop in
                    calls += 1
                    for other in tokens where other != token { try? loop.remove(other) }
                })
        }
        for event in events { try event.value.write() }
        #expect(try serve() == 1)
        #expect(calls == 1)
        #expect(loop.registrationCount == 1)
    }

    @Test("a descriptor removed and added again in one batch does not get the event of its past")
    func readdedInBatch() throws {
        let events = [try Box(EventFD()), try Box(EventFD())]
        var tokens: [EventToken] = []
        var calls: [String] = []
        for (index, event) in events.enumerated() {
            tokens.append(
                try loop.add(event.value.descriptor, for: .readable) { _, _, loop in
                    calls.append("first")
                    let other = 1 - index
                    guard tokens.count == 2 else { return }
                    try? loop.remove(tokens[other])
                    tokens.removeLast()
                    _ = try? events[other].value.read()
                    _ = try? loop.add(events[other].value.descriptor, for: .readable) { _, _, _ in
                        calls.append("second")
                    }
                })
        }
        for event in events { try event.value.write() }
        #expect(try serve() == 1)
        #expect(calls == ["first"])
    }

    @Test("a number closed, opened anew and added does not get the stale registration's events, nor lose its own")
    func reusedNumber() throws {
        let number = try EventFD().descriptor.duplicate().release()
        let old = FileDescriptor(owning: number)
        let stale = try loop.add(old, for: .readable) { _, _, _ in Issue.record("stale handler called") }
        _ = old.release()
        // dup2 closes the number and opens it anew in one step: other tests open files at the same time, and would get
        // a number that is free for a moment.
        let other = try EventFD()
        let raw = other.descriptor.rawValue
        let reused = EventFD(adopting: FileDescriptor(owning: try retryOnInterrupt { dup2(raw, number) }))
        var calls = 0
        try loop.add(reused.descriptor, for: .readable) { _, _, _ in calls += 1 }
        #expect(loop.registrationCount == 1)
        #expect(throws: EventLoopError.unknownToken(stale)) { try loop.remove(stale) }
        try reused.write()
        #expect(try serve() == 1)
        #expect(calls == 1)
    }

    @Test("removing a registration whose descriptor is closed already is no error")
    func closedEarly() throws {
        var event: EventFD? = try EventFD()
        var token: EventToken?
        if let taken = event.take() {
            token = try loop.add(taken.descriptor, for: .readable) { _, _, _ in }
        }
        try loop.remove(try #require(token))
        #expect(loop.registrationCount == 0)
    }

    @Test("a descriptor that is registered already is refused, and so is a regular file")
    func refuses() throws {
        let event = try EventFD()
        let number = event.descriptor.rawValue
        try loop.add(event.descriptor, for: .readable) { _, _, _ in }
        #expect(throws: EventLoopError.system(.add, descriptor: number, .exists)) {
            try loop.add(event.descriptor, for: .readable) { _, _, _ in }
        }
        let file = try FileDescriptor.temporaryFile()
        #expect(throws: EventLoopError.system(.add, descriptor: file.rawValue, .notPermitted)) {
            try loop.add(file, for: .readable) { _, _, _ in }
        }
        #expect(loop.registrationCount == 1)
    }

    @Test("a token never comes to mean another registration")
    func generations() throws {
        let event = try EventFD()
        var tokens: Set<EventToken> = []
        for _ in 0..<100 {
            let token = try loop.add(event.descriptor, for: .readable) { _, _, _ in }
            #expect(tokens.insert(token).inserted)
            try loop.remove(token)
        }
    }

    @Test("more descriptors ready than a batch holds are served all the same", arguments: [1, 3, 0, -5])
    func smallBatch(_ batchCount: Int) throws {
        let loop = try EventLoop(batchCount: batchCount)
        var served: Set<Int> = []
        var events: [Box<EventFD>] = []
        for index in 0..<20 {
            let event = try Box(EventFD())
            try event.value.write()
            try loop.add(event.value.descriptor, for: .readable) { _, _, _ in
                served.insert(index)
                _ = try? event.value.read()
            }
            events.append(event)
        }
        for _ in 0..<20 { _ = try loop.runOnce(timeoutMilliseconds: 0) }
        #expect(served.count == 20)
    }

    @Test("a handler may add registrations without number")
    func addsInside() throws {
        let event = try EventFD()
        var events: [Box<EventFD>] = []
        try event.write()
        try loop.add(event.descriptor, for: .readable) { _, token, loop in
            for _ in 0..<50 {
                guard let made = try? Box(EventFD()) else { continue }
                _ = try? loop.add(made.value.descriptor, for: .readable) { _, _, _ in }
                events.append(made)
            }
            try? loop.remove(token)
        }
        #expect(try serve() == 1)
        #expect(loop.registrationCount == 50)
    }

    @Test("a handler cannot run its own loop")
    func reentrance() throws {
        let event = try EventFD()
        try event.write()
        var caught: [EventLoopError] = []
        try loop.add(event.descriptor, for: .readable) { _, _, loop in
            do throws(EventLoopError) { try loop.runOnce() } catch { caught.append(error) }
            do throws(EventLoopError) { try loop.run() } catch { caught.append(error) }
        }
        #expect(try serve() == 1)
        #expect(caught == [.reentered, .reentered])
    }

    @Test("errors read as one line")
    func descriptions() {
        #expect(
            "\(EventLoopError.system(.add, descriptor: 7, .exists))"
                == "event loop: add descriptor 7: File exists (EEXIST)")
        #expect("\(EventLoopError.stopped)" == "event loop: stopped")
    }
}
