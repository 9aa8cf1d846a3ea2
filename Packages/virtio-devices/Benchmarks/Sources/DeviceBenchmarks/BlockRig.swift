// SPDX-License-Identifier: Apache-2.0
internal import CBaseline
internal import VMMSysUtil
internal import VMMemory
internal import VirtioDevices
internal import VirtioDevicesTestSupport
internal import VirtioModel
internal import VirtioQueue
internal import VirtioQueueTestSupport

/// What went wrong.
struct BenchmarkFailure: Error {
    let text: String
}

/// A file in memory.
func makeFile(_ byteCount: Int) throws -> FileDescriptor {
    let number = baseline_file(off_t(byteCount))
    guard number >= 0 else { throw BenchmarkFailure(text: "no file in memory") }
    return FileDescriptor(owning: number)
}

/// A block device whose driver offers the same requests over and over: to offer them again is one store.
final class BlockRig {
    /// Requests in one turn of the device.
    static let requests = 32
    /// Where the data of the first request is.
    private static let dataStart = GuestAddress(0x40_0000)

    private let driver: MMIODriver
    private let queue: DriverQueue
    private var index: UInt16 = 0
    private let availableIndex: GuestAddress
    private let usedIndex: GuestAddress

    /// - Parameter size: bytes of each request.
    init(_ disk: any Disk, size: Int, writes: Bool) throws {
        guard let range = GuestRange(start: GuestAddress(0x1000), byteCount: 64 << 20) else {
            throw BenchmarkFailure(text: "no guest")
        }
        driver = try MMIODriver(BlockDevice(disk: disk), memory: GuestMemory.anonymous([range]))
        try driver.start()
        guard let queue = driver.queue(0) else { throw BenchmarkFailure(text: "no queue") }
        self.queue = queue
        availableIndex = GuestAddress(queue.configuration.availableRing.rawValue + 2)
        usedIndex = GuestAddress(queue.configuration.usedRing.rawValue + 2)
        var heads: [UInt16] = []
        for number in 0..<Self.requests {
            var header: [UInt8] = [writes ? 1 : 0, 0, 0, 0, 0, 0, 0, 0]
            withUnsafeBytes(of: UInt64(number * size / 512).littleEndian) { header.append(contentsOf: $0) }
            let address = GuestAddress(Self.dataStart.rawValue + UInt64(number * size))
            let data = DriverQueue.Buffer(address, UInt32(size), isWritable: !writes)
            if let head = try queue.add([queue.buffer(of: header), data, queue.buffer(room: 1)]) { heads.append(head) }
        }
        for slot in 0..<Int(queue.size) { try queue.setAvailableEntry(UInt16(slot), heads[slot % heads.count]) }
    }

    /// The guest's memory where the data is.
    func data() throws -> UnsafeMutablePointer<UInt8> {
        guard let region = driver.memory.region(containing: Self.dataStart),
            let offset = Self.dataStart.offset(from: region.range.start)
        else { throw BenchmarkFailure(text: "no memory") }
        return (region.hostAddress + Int(offset)).assumingMemoryBound(to: UInt8.self)
    }

    /// Rings the doorbell for all requests so many times.
    /// - Parameter wait: called while the device has not answered all of them.
    func run(_ repeats: Int, wait: () -> Void = {}) throws {
        for _ in 0..<repeats {
            index &+= UInt16(Self.requests)
            try queue.memory.atomicStore(index, at: availableIndex, ordering: .sequentiallyConsistent)
            driver.transport.serveQueue(0)
            var turns = 0
            while try queue.memory.atomicLoad(UInt16.self, at: usedIndex, ordering: .sequentiallyConsistent) != index {
                wait()
                turns += 1
                guard turns < 100_000 else { throw BenchmarkFailure(text: "not all requests are answered") }
            }
        }
    }

    /// Calls the handlers of what is watched, as an event loop does.
    func turn() {
        for (number, source) in driver.events.sources where !source.isRemoved {
            let borrowed = FileDescriptor(owning: number)
            driver.events.fire(.read, on: borrowed)
            _ = borrowed.release()
        }
    }
}
