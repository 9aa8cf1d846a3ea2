// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import Seccompiler
internal import VMMSysUtil

/// Something that is done many times over, by one thread at a time.
protocol Work: AnyObject {
    func run(_ count: Int) throws
}

/// The same work on this thread and on one behind a filter, in turns.
final class Turns: @unchecked Sendable {
    // One of the two threads waits for the other's event at any time, so nothing is touched by both at once.
    private let work: any Work
    private let count: Int
    private let rounds: Int
    private let program: BPFProgram
    private let forward: EventFD
    private let back: EventFD
    private var filtered: [Double] = []
    private var failure: (any Error)?

    private init(_ work: any Work, _ count: Int, _ rounds: Int, _ program: BPFProgram) throws {
        (self.work, self.count, self.rounds, self.program) = (work, count, rounds, program)
        forward = try EventFD(isNonBlocking: false)
        back = try EventFD(isNonBlocking: false)
        filtered.reserveCapacity(rounds)
    }

    /// Nanoseconds of processor time that one piece of work takes with the filter and without, and the median of the
    /// rounds' ratios.
    static func measure(
        _ work: any Work, count: Int, rounds: Int, behind program: BPFProgram
    ) throws -> (with: Double, without: Double, ratio: Double) {
        let turns = try Turns(work, count, rounds, program)
        try work.run(count)  // warm-up
        let thread = try Thread(name: "filtered") { turns.runFiltered() }
        var plain: [Double] = []
        for round in 0..<rounds {
            // Who goes first changes from round to round.
            if round % 2 == 0 { plain.append(try turns.time()) }
            try turns.forward.write()
            _ = try turns.back.read()
            if round % 2 == 1 { plain.append(try turns.time()) }
        }
        try thread.join()
        if let failure = turns.failure { throw failure }
        return (median(turns.filtered), median(plain), median(zip(turns.filtered, plain).map { $0 / $1 }))
    }

    private func runFiltered() {
        do {
            try program.install()
            for _ in 0..<rounds {
                _ = try forward.read()
                filtered.append(try time())
                try back.write()
            }
        } catch {
            failure = error
            // The other one is not left waiting.
            for _ in 0..<rounds { try? back.write() }
        }
    }

    /// The thread's own time in user space, kernel and guest: what other programs take does not count.
    private func time() throws -> Double {
        let start = Self.now()
        try work.run(count)
        return Double(Self.now() - start) / Double(count)
    }

    private static func now() -> UInt64 {
        var value = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &value)
        return UInt64(value.tv_sec) * 1_000_000_000 + UInt64(value.tv_nsec)
    }

    private static func median(_ values: [Double]) -> Double {
        values.isEmpty ? 0 : values.sorted()[values.count / 2]
    }
}
