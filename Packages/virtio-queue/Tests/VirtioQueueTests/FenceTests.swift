// SPDX-License-Identifier: Apache-2.0
import Glibc
import Synchronization
import Testing
import VMMemory
import VirtioQueue
import VirtioQueueTestSupport

/// Both sides store and then load at the same moment, round after round: at least one must see the other (2.7.10, 2.7.7).
///
/// Only optimised builds are fast enough between the two for a processor to have them out of order, so that a missing
/// fence shows with `swift test -c release`, if not in every run; unoptimised, this tests the same rule without the race.
@Suite(.serialized) struct FenceTests {
    /// Two threads that start each round together.
    private final class Rounds: Sendable {
        let started = Atomic<Int>(0)
        let answer = Atomic<Int>(0)
        let isOver = Atomic<Bool>(false)
        let total: Int
        let device: @Sendable (Int) -> Bool

        init(_ total: Int, _ device: @escaping @Sendable (Int) -> Bool) {
            self.total = total
            self.device = device
        }

        /// The device's thread: answers round n with 2n, plus 1 if it saw the driver.
        func run() {
            for round in 1...total {
                var spins = 0
                while started.load(ordering: .acquiring) < round {
                    if isOver.load(ordering: .relaxed) { return }
                    Self.spin(&spins)
                }
                answer.store(2 * round + (device(round) ? 1 : 0), ordering: .releasing)
            }
        }

        /// The driver's side of one round. Returns whether one of both saw the other.
        func oneSees(_ round: Int, _ driver: () -> Bool) -> Bool {
            started.store(round, ordering: .releasing)
            // The news takes a while to the other processor: meet it at all distances.
            var delay = round &* 7919 & 255
            while delay > 0 { delay &-= started.load(ordering: .relaxed) == round ? 1 : 0 }
            let driverSaw = driver()
            var spins = 0
            while answer.load(ordering: .acquiring) < 2 * round { Self.spin(&spins) }
            return driverSaw || answer.load(ordering: .relaxed) & 1 != 0
        }

        private static func spin(_ spins: inout Int) {
            spins += 1
            // The other thread may not be running at all.
            if spins > 2000 { sched_yield() }
        }

        func start() -> pthread_t {
            var thread = pthread_t()
            let entry: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { argument in
                if let argument { Unmanaged<Rounds>.fromOpaque(argument).takeRetainedValue().run() }
                return nil
            }
            pthread_create(&thread, nil, entry, Unmanaged.passRetained(self).toOpaque())
            return thread
        }
    }

    /// A field of a ring in host memory, as the driver's kernel accesses it.
    private struct Field: @unchecked Sendable {
        let pointer: UnsafeMutablePointer<Atomic<UInt16>>

        init(_ driver: DriverQueue, _ area: QueueArea, _ offset: UInt64) throws {
            let address = GuestAddress(driver.configuration[area].rawValue + offset)
            let region = try #require(driver.memory.region(containing: address))
            let start = try #require(address.offset(from: region.range.start))
            pointer = (region.hostAddress + Int(start)).assumingMemoryBound(to: Atomic<UInt16>.self)
        }

        var value: UInt16 { pointer.pointee.load(ordering: .sequentiallyConsistent) }
        func store(_ value: UInt16) { pointer.pointee.store(value, ordering: .sequentiallyConsistent) }
    }

    /// What a thread of its own may have of a queue that nobody else uses meanwhile.
    private struct Handed: @unchecked Sendable { let queue: Queue }

    /// Rounds are slow on a machine whose processors are taken.
    private struct Deadline {
        private let end: time_t
        init(seconds: Int) { end = time(nil) + seconds }
        var isPast: Bool { time(nil) >= end }
    }

    static let rounds = 1_000_000

    @Test("a chain that comes while the doorbell is switched on is seen, or rung for", arguments: [true, false])
    func doorbell(_ hasEventIndex: Bool) throws {
        let driver = try DriverQueue(size: 4, features: hasEventIndex ? [.version1, .eventIndex] : [.version1])
        let handed = Handed(queue: try driver.activate())
        for index in 0..<4 as Range<UInt16> { try driver.setAvailableEntry(index, 0) }
        let available = try Field(driver, .availableRing, 2)
        let event = try Field(driver, .usedRing, 4 + 8 * 4)
        let flags = try Field(driver, .usedRing, 0)
        let rounds = Rounds(Self.rounds) { _ in
            let saw = handed.queue.enableNotifications()
            // Take it before the next round, whoever saw it.
            while true {
                if let chain = try? handed.queue.pop() {
                    handed.queue.push(chain.head, written: 0)
                    break
                }
                sched_yield()
            }
            return saw
        }
        let thread = rounds.start()
        let deadline = Deadline(seconds: 1)
        var lost = 0
        for round in 1...Self.rounds {
            if deadline.isPast { break }
            // The other thread waits for the next round and does not touch the queue.
            handed.queue.disableNotifications()
            let new = UInt16(truncatingIfNeeded: round)
            let isSeen = rounds.oneSees(round) {
                available.store(new)
                return hasEventIndex ? new &- event.value &- 1 < 1 : flags.value & 1 == 0
            }
            if !isSeen { lost += 1 }
        }
        rounds.isOver.store(true, ordering: .relaxed)
        pthread_join(thread, nil)
        #expect(lost == 0, "so often both would sleep for ever")
    }

    @Test(
        "a used entry that comes while the driver asks for an interrupt is seen, or signalled",
        arguments: [true, false])
    func interrupt(_ hasEventIndex: Bool) throws {
        let driver = try DriverQueue(size: 4, features: hasEventIndex ? [.version1, .eventIndex] : [.version1])
        let handed = Handed(queue: try driver.activate())
        for index in 0..<4 as Range<UInt16> { try driver.setAvailableEntry(index, 0) }
        let available = try Field(driver, .availableRing, 2)
        let event = try Field(driver, .availableRing, 4 + 2 * 4)
        let flags = try Field(driver, .availableRing, 0)
        let used = try Field(driver, .usedRing, 2)
        event.store(65535)
        let rounds = Rounds(Self.rounds) { _ in
            guard let chain = try? handed.queue.pop() else { return false }
            handed.queue.push(chain.head, written: 0)
            return handed.queue.shouldSignalDriver()
        }
        let thread = rounds.start()
        let deadline = Deadline(seconds: 1)
        var lost = 0
        for round in 1...Self.rounds {
            if deadline.isPast { break }
            let old = UInt16(truncatingIfNeeded: round - 1)
            flags.store(1)
            available.store(old &+ 1)
            let isSeen = rounds.oneSees(round) {
                if hasEventIndex { event.store(old) } else { flags.store(0) }
                return used.value != old
            }
            if !isSeen { lost += 1 }
        }
        rounds.isOver.store(true, ordering: .relaxed)
        pthread_join(thread, nil)
        #expect(lost == 0, "so often both would sleep for ever")
    }
}
