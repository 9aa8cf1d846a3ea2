// SPDX-License-Identifier: Apache-2.0
import Glibc
import Synchronization
import Testing
import VMMemory
import VirtioQueue

/// Two threads that start each round together, for races between driver and device.
///
/// Only optimised builds are fast enough between a store and a load for a processor to have them out of order, so that
/// a missing fence shows with `swift test -c release`, if not in every run; unoptimised, the same rule is tested without
/// the race.
final class Rounds: Sendable {
    static let total = 1_000_000

    private let started = Atomic<Int>(0)
    private let answer = Atomic<Int>(0)
    private let isOver = Atomic<Bool>(false)
    private let device: @Sendable (Int) -> Bool

    /// - Parameter device: the device's side of a round, which says whether it saw the driver.
    init(_ device: @escaping @Sendable (Int) -> Bool) { self.device = device }

    /// Does rounds, as many as a second has room for: machines whose processors are taken are slow.
    /// - Parameter driver: prepares a round, and returns the driver's side, which says whether it saw the device.
    /// - Returns: the rounds in which neither saw the other.
    func lost(_ driver: (Int) throws -> () -> Bool) rethrows -> Int {
        let thread = start()
        defer {
            isOver.store(true, ordering: .relaxed)
            pthread_join(thread, nil)
        }
        let end = ContinuousClock.now + .seconds(1)
        var lost = 0
        for round in 1...Self.total {
            if ContinuousClock.now >= end { break }
            // The other thread waits for the next round and touches nothing.
            if !oneSees(round, try driver(round)) { lost += 1 }
        }
        return lost
    }

    /// The device's thread: answers round n with 2n, plus 1 if it saw the driver.
    private func run() {
        for round in 1...Self.total {
            var spins = 0
            while started.load(ordering: .acquiring) < round {
                if isOver.load(ordering: .relaxed) { return }
                Self.spin(&spins)
            }
            answer.store(2 * round + (device(round) ? 1 : 0), ordering: .releasing)
        }
    }

    /// The driver's side of one round. Returns whether one of both saw the other.
    private func oneSees(_ round: Int, _ driver: () -> Bool) -> Bool {
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

    private func start() -> pthread_t {
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
struct Field: @unchecked Sendable {
    private let pointer: UnsafeMutablePointer<Atomic<UInt16>>

    init(_ memory: GuestMemory, _ start: GuestAddress, _ offset: UInt64) throws {
        let address = GuestAddress(start.rawValue + offset)
        let region = try #require(memory.region(containing: address))
        let start = try #require(address.offset(from: region.range.start))
        pointer = (region.hostAddress + Int(start)).assumingMemoryBound(to: Atomic<UInt16>.self)
    }

    var value: UInt16 { pointer.pointee.load(ordering: .sequentiallyConsistent) }
    func store(_ value: UInt16) { pointer.pointee.store(value, ordering: .sequentiallyConsistent) }
}

/// What a thread of its own may have of a queue that nobody else uses meanwhile.
struct Handed: @unchecked Sendable {
    let queue: Queue
    private let buffers = ChainBuffers()

    init(queue: Queue) { self.queue = queue }

    /// Serves as a device does before it sleeps. Returns whether a chain was there.
    func serve() -> Bool {
        var count = 0
        _ = try? queue.serve(into: buffers, limit: 9) { _ in
            count += 1
            return .used(written: 0)
        }
        return count > 0
    }

    /// Takes the next chain, as soon as it is there, and returns it.
    func takeOne() {
        while true {
            if let chain = try? queue.pop() { return queue.push(chain.head, written: 0) }
            sched_yield()
        }
    }
}
