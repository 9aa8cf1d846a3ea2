// SPDX-License-Identifier: Apache-2.0
import Glibc
import Testing
import VMMSysUtil

@Suite(.serialized) struct SignalTests {
    @Test("a set holds what was put in, by the kernel's bit numbers")
    func sets() {
        var set: SignalSet = [.hangUp, .terminate]
        #expect(set.rawValue == 1 << 0 | 1 << 14)
        #expect(set.contains(.terminate))
        #expect(!set.contains(.interrupt))
        set.insert(Signal(rawValue: 64))
        #expect(set.rawValue >> 63 == 1)
        set.remove(.hangUp)
        #expect(!set.contains(.hangUp))
    }

    @Test("numbers that are no signals are left out", arguments: [Int32.min, -1, 0, 65, .max])
    func nonsense(_ number: Int32) {
        #expect(SignalSet([Signal(rawValue: number)]).rawValue == 0)
        #expect(!SignalSet.all.contains(Signal(rawValue: number)))
        #expect(throws: Errno.invalidArgument) { try Signal(rawValue: number).installEmptyHandler() }
    }

    @Test("real-time signals are counted from the first free one and end")
    func realTime() {
        #expect(Signal.realTime(0).map { $0.rawValue >= 34 } == true)
        #expect(Signal.realTime(-1) == nil)
        #expect(Signal.realTime(64) == nil)
        #expect(Signal.realTime(.max) == nil)
    }

    @Test("a mask is the calling thread's and can be put back")
    func masks() throws {
        let before = try SignalSet([.user1]).block()
        #expect(try SignalSet.blocked().contains(.user1))
        try SignalSet([.user1]).unblock()
        #expect(try !SignalSet.blocked().contains(.user1))
        try before.setAsMask()
        #expect(try SignalSet.blocked() == before)
    }

    @Test("a signal with the empty handler ends a blocking call, and does nothing else")
    func kick() throws {
        let signal = try #require(Signal.realTime(3))
        try signal.installEmptyHandler()
        defer { try? signal.restoreDefault() }
        let pipe = try Pipe()
        let done = try EventFD()
        let (reader, report) = (pipe.readEnd.rawValue, done.descriptor.rawValue)
        // Tests run on threads of libdispatch, which block every signal.
        let thread = try Thread(name: "sleeper", blockedSignals: []) {
            var byte: UInt8 = 0
            let result = Glibc.read(reader, &byte, 1)
            var value: UInt64 = result == -1 && errno == EINTR ? 1 : 2
            Glibc.write(report, &value, 8)
        }
        var outcome: UInt64?
        for _ in 0..<2_000 where outcome == nil {
            try thread.send(signal)
            usleep(1_000)
            outcome = try done.read()
        }
        #expect(outcome == 1)
        if outcome != nil { try thread.join() }
    }

    @Test("an ignored signal is not delivered")
    func ignores() throws {
        let signal = try #require(Signal.realTime(4))
        try signal.ignore()
        defer { try? signal.restoreDefault() }
        kill(getpid(), signal.rawValue)
    }
}
