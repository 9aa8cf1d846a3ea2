// SPDX-License-Identifier: Apache-2.0
import Glibc
import Synchronization
import Testing
import VMMemory
import VirtioQueue
import VirtioQueueTestSupport

/// A driver that fills its ring, sleeps until the device calls, and takes back what is used; for both formats.
private protocol SleepingDriver {
    /// The device's side.
    func activate() throws(QueueConfigurationError) -> Queue
    /// Adds at most so many chains and shows them.
    /// - Returns: how many, and whether the device wants to hear of it.
    func offerChains(atMost limit: Int) throws -> (count: Int, mustRing: Bool)
    /// How many chains the device has used since the last call.
    func takeBack() throws -> Int
    /// Asks for the next interrupt. Returns whether a used chain is there already.
    func listen() throws -> Bool
}

extension DriverQueue: SleepingDriver {
    func offerChains(atMost limit: Int) throws -> (count: Int, mustRing: Bool) {
        let before = availableIndex
        var count = 0
        while count < limit, try add([.init(GuestAddress(0x8000), 4, isWritable: true)]) != nil { count += 1 }
        try publish()
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        return (count, count > 0 ? try mustRing(since: before) : false)
    }

    func takeBack() throws -> Int {
        try setAvailableFlags(1)
        var count = 0
        while try takeUsed() != nil { count += 1 }
        return count
    }

    func listen() throws -> Bool {
        try setAvailableFlags(0)
        try setUsedEvent(nextUsed)
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        return try usedIndex() != nextUsed
    }
}

extension PackedDriverQueue: SleepingDriver {
    func offerChains(atMost limit: Int) throws -> (count: Int, mustRing: Bool) {
        let before = nextAvailable
        var count = 0
        // One and two descriptors in turns, so that chains go over the end of the ring at every place.
        while count < limit {
            let buffer = Buffer(GuestAddress(0x8000), 4, isWritable: true)
            guard try add(nextAvailable % 3 == 0 ? [buffer] : [buffer, buffer]) != nil else { break }
            count += 1
        }
        try publish()
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        return (count, count > 0 ? try mustRing(since: before) : false)
    }

    func takeBack() throws -> Int {
        try setDriverEvent(flags: 1)
        var count = 0
        while let used = try takeUsed() {
            guard used.isKnown, used.written == 4 else { throw UnknownChain() }
            count += 1
        }
        return count
    }

    func listen() throws -> Bool {
        try setDriverEvent(flags: features.contains(.eventIndex) ? 2 : 0, position(nextUsed))
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        return try flagsNow(nextUsed) & 0x8080 == (isWrapped(nextUsed) ? 0x8080 : 0)
    }
}

/// The device gave back what it was not given, or said that it wrote something else.
private struct UnknownChain: Error {}

@Suite struct TwoThreadTests {
    @Test(
        "a driver and a device on two threads, each sleeping until the other calls, lose no chain",
        arguments: [RingFormat.split, .packed], [true, false])
    func losesNothing(_ format: RingFormat, _ hasEventIndex: Bool) throws {
        var features: VirtioFeatures = hasEventIndex ? [.version1, .eventIndex] : [.version1]
        let driver: any SleepingDriver
        switch format {
        case .split: driver = try DriverQueue(size: 4, features: features)
        case .packed:
            features.insert(.packedRing)
            driver = try PackedDriverQueue(size: 5, features: features)
        }
        let total = 20_000
        let doorbell = Bell()
        let interrupt = Bell()
        let device = Device(try driver.activate(), total: total, doorbell, interrupt)
        let thread = device.start()
        defer {
            doorbell.ring()
            pthread_join(thread, nil)
        }
        var sent = 0
        var returned = 0
        let end = ContinuousClock.now + .seconds(60)
        while returned < total, ContinuousClock.now < end {
            let offered = try driver.offerChains(atMost: total - sent)
            sent += offered.count
            if offered.mustRing { doorbell.ring() }
            let got = try driver.takeBack()
            returned += got
            guard got == 0 else { continue }
            // Sleep until the next used chain: ask for it, look again, wait.
            if try !driver.listen(), !interrupt.wait() { break }
        }
        #expect(returned == total && sent == total, "no interrupt, or no end in a minute")
    }

    /// A counter to sleep on, for at most ten seconds.
    private final class Bell: @unchecked Sendable {
        private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)
        init() { sem_init(semaphore, 0, 0) }
        deinit {
            sem_destroy(semaphore)
            semaphore.deallocate()
        }
        func ring() { sem_post(semaphore) }
        func wait() -> Bool {
            var until = timespec()
            clock_gettime(CLOCK_REALTIME, &until)
            until.tv_sec += 10
            return sem_timedwait(semaphore, &until) == 0
        }
    }

    /// The device's thread.
    private final class Device: @unchecked Sendable {
        let queue: Queue
        let total: Int
        let doorbell: Bell
        let interrupt: Bell

        init(_ queue: Queue, total: Int, _ doorbell: Bell, _ interrupt: Bell) {
            self.queue = queue
            self.total = total
            self.doorbell = doorbell
            self.interrupt = interrupt
        }

        func start() -> pthread_t {
            var thread = pthread_t()
            pthread_create(
                &thread, nil,
                { argument in
                    if let argument { Unmanaged<Device>.fromOpaque(argument).takeRetainedValue().run() }
                    return nil
                }, Unmanaged.passRetained(self).toOpaque())
            return thread
        }

        func run() {
            let buffers = ChainBuffers()
            var served = 0
            while served < total {
                let outcome = try? queue.serve(into: buffers, limit: 3) { _ in
                    served += 1
                    return .used(written: 4)
                }
                if queue.shouldSignalDriver() { interrupt.ring() }
                guard outcome == .drained, served < total else { continue }
                guard doorbell.wait() else { return }
            }
        }
    }
}
