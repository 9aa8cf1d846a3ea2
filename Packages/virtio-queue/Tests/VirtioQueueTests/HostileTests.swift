// SPDX-License-Identifier: Apache-2.0
import Glibc
import Synchronization
import Testing
import VMMemory
import VirtioQueue
import VirtioQueueTestSupport

/// A driver that writes the rings and the buffers while the device reads them, from a thread of its own.
@Suite struct HostileTests {
    private final class Writer: Sendable {
        let memory: GuestMemory
        let configuration: QueueConfiguration
        let format: RingFormat
        let stop = Atomic<Bool>(false)
        let writes = Atomic<Int>(0)

        init(_ driver: any RingDriver) {
            memory = driver.memory
            configuration = driver.configuration
            format = RingFormat(driver.features)
        }

        /// Values that pass one check and fail another, so that a field read twice would be seen differing.
        func run() {
            var generator = SeededGenerator(seed: 42)
            let values: [UInt16] =
                format == .split
                ? [0, 0, 0, 1, 1, 2, 2, 3, 4, 5, 6, 15, 16, 32, 0x8000, 65535]
                // AVAIL and USED of both rounds are among the flags there.
                : [0x80, 0x80, 0x80, 0x81, 0x81, 0x82, 0x83, 0x84, 0, 1, 2, 15, 16, 0x8000, 0x8080, 65535]
            while !stop.load(ordering: .relaxed) {
                let random = generator.next()
                let value = values[Int(random % UInt64(values.count))]
                let entry = (random >> 8) % 16
                let table = configuration.descriptorTable.rawValue + 16 * entry
                let ring = configuration.availableRing.rawValue
                // Half of an address, half of a length, flags, next; a head, the index. In a packed ring the id, flags; the
                // driver's event suppression.
                let places =
                    format == .split
                    ? [table, table + 2, table + 8, table + 12, table + 12, table + 14, ring + 4 + 2 * entry, ring + 2]
                    : [table, table + 2, table + 8, table + 12, table + 14, table + 14, table + 14, ring, ring + 2]
                let place = places[Int((random >> 16) % UInt64(places.count))]
                try? memory.store(value, at: GuestAddress(place))
                writes.wrappingAdd(1, ordering: .relaxed)
            }
        }
    }

    private static func start(_ writer: Writer) -> pthread_t {
        var thread = pthread_t()
        let box = Unmanaged.passRetained(writer)
        pthread_create(
            &thread, nil,
            { argument in
                if let argument { Unmanaged<Writer>.fromOpaque(argument).takeRetainedValue().run() }
                return nil
            }, box.toOpaque())
        return thread
    }

    /// A driver of 16 descriptors, all of them offered, and its device's queue as it is before the first.
    private static func ring(_ format: RingFormat) throws -> (any RingDriver, () throws -> Queue) {
        switch format {
        case .split:
            let driver = try DriverQueue(size: 16, memoryByteCount: 0x10000)
            for index in 0..<16 as Range<UInt16> {
                try driver.setDescriptor(index, GuestAddress(0x8000), byteCount: 16, flags: index % 2 * 2)
            }
            return (driver, { try restored(driver, at: 0) })
        case .packed:
            let driver = try PackedDriverQueue(size: 16, memoryByteCount: 0x10000)
            for slot in 0..<16 as Range<UInt16> {
                try driver.setDescriptor(
                    UInt64(slot), GuestAddress(0x8000), byteCount: 16, id: slot, flags: slot % 2 * 2)
            }
            return (driver, { try restored(driver, at: 0) })
        }
    }

    @Test(
        "while another thread writes anything into rings and tables, the device neither traps nor loops",
        arguments: [RingFormat.split, .packed], [true, false])
    func concurrentWriter(_ format: RingFormat, _ returnsHead: Bool) throws {
        let (driver, makeQueue) = try Self.ring(format)
        let writer = Writer(driver)
        let thread = Self.start(writer)
        defer {
            writer.stop.store(true, ordering: .relaxed)
            pthread_join(thread, nil)
        }
        while writer.writes.load(ordering: .relaxed) < 10_000 { sched_yield() }
        let buffers = ChainBuffers()
        var served = 0
        var failed = 0
        // On a busy machine the writer may not run for a while: go on until both kinds were seen, for 30 s at the most.
        let limit = ContinuousClock.now + .seconds(30)
        var rounds = 0
        while rounds < 20_000 || ((served == 0 || failed == 0) && ContinuousClock.now < limit) {
            rounds += 1
            let queue = try makeQueue()
            queue.malformedChainPolicy = returnsHead ? .returnHead : .failDevice
            do throws(QueueError) {
                let outcome = try queue.serve(into: buffers, limit: 64) { buffers in
                    served += 1
                    var reader = buffers.reader
                    _ = reader.read(UInt64.self)
                    var writer = buffers.writer
                    writer.write(UInt64(7))
                    return .used(written: UInt32(truncatingIfNeeded: writer.position))
                }
                #expect(outcome != .putBack)
            } catch { failed += 1 }
            #expect(queue.inFlight <= 1)
            _ = queue.shouldSignalDriver()
        }
        #expect(served > 0 && failed > 0)
    }
}
