// SPDX-License-Identifier: Apache-2.0
internal import VMMemory
internal import VirtioDevices
internal import VirtioModel
internal import VirtioQueue
internal import VirtioQueueTestSupport

/// What became of the chains of a fuzz input.
public struct FuzzedDeviceQueues: Sendable, Equatable {
    /// Chains that came back.
    public var completed = 0
    /// Messages that the console had for its driver.
    public var messages = 0
    /// Whether the device gave up a broken ring.
    public var needsReset = false
}

/// Gives chains of any shape and content to a running device: entropy, or a console with its control messages. Each comes
/// back once, with no more bytes than it has room for; a device whose driver kept the rules of rings goes on, and a reset
/// mends one whose driver did not; else the harness aborts.
///
/// The input, little-endian, what is missing being zero:
/// ```
///  0  u8   1 entropy, else a console; 2 without event index
///  1       for each step:
///     u8   what: 0 to 4 a chain, 5 take back, 6 a raw head, 7 a raw descriptor (modulo 8); 8 in an indirect table
///     u8   queue
///     u8   of a chain the number of pieces (modulo 5), of the others the head or the descriptor
///          for each piece: u8 length modulo 65, u8 1 for writable; the content of a readable one
///          for a raw descriptor: u64 address modulo 17 MiB, u32 length, u16 flags, u16 next
/// ```
@discardableResult
public func fuzzDeviceQueues(_ bytes: UnsafeRawBufferPointer) -> FuzzedDeviceQueues {
    queueArenas.withLock { arenas in
        var input = FuzzInput(bytes)
        let flags = input.next()
        return try arenas[Int(flags & 1)].run(&input, flags)
    }
}

private let queueArenas = FuzzArena { try [QueueArena(isConsole: true), QueueArena(isConsole: false)] }

private final class QueueArena {
    private let driver: MMIODriver
    private let isConsole: Bool
    /// The room of the chains that are at the device, by queue and head.
    private var rooms: [[UInt16: UInt64]] = []
    private var isRaw = false
    private static let stepsMax = 256

    init(isConsole: Bool) throws {
        self.isConsole = isConsole
        if isConsole {
            let ports = [
                ConsolePort(name: "one", isConsole: true, input: nil, output: nil),
                ConsolePort(name: "two", input: nil, output: nil),
            ]
            driver = try MMIODriver(
                ConsoleDevice(ports: ports, size: ConsoleSize(columns: 80, rows: 25), queueSize: 16))
        } else {
            driver = try MMIODriver(EntropyDevice(queueSize: 16))
        }
    }

    func run(_ input: inout FuzzInput, _ flags: UInt8) throws -> FuzzedDeviceQueues {
        var features = driver.offeredFeatures
        if flags & 2 != 0 { features.remove(.eventIndex) }
        try driver.start(features)
        rooms = driver.queues.map { _ in [:] }
        isRaw = false
        var result = FuzzedDeviceQueues()
        for _ in 0..<Self.stepsMax {
            guard !input.isAtEnd else { break }
            try step(&input, &result)
        }
        for index in driver.queues.indices { try takeBack(index, &result) }
        result.needsReset = driver.status == 0x4f
        if driver.status != 0xf, !(isRaw && result.needsReset) { fuzzFinding("status is \(driver.status)") }
        try driver.start()
        if driver.status != 0xf { fuzzFinding("it does not start again: status \(driver.status)") }
        return result
    }

    private func step(_ input: inout FuzzInput, _ result: inout FuzzedDeviceQueues) throws {
        let what = input.next()
        let index = Int(input.next()) % driver.queues.count
        let number = input.next()
        guard let queue = driver.queue(index) else { fuzzFinding("no queue") }
        switch what % 8 {
        case 0...4:
            var buffers: [DriverQueue.Buffer] = []
            for _ in 0..<number % 5 {
                let count = Int(input.next() % 65)
                let isWritable = input.next() & 1 != 0
                buffers.append(
                    isWritable ? queue.buffer(room: UInt32(count)) : try queue.buffer(of: input.next(count: count)))
            }
            // Readable pieces come first (virtio 1.2, 2.7.4.2): the other way round is the queue's fuzzer's.
            buffers = buffers.filter { !$0.isWritable } + buffers.filter(\.isWritable)
            guard let head = try queue.send(buffers, isIndirect: what & 8 != 0) else { break }
            rooms[index][head] = buffers.reduce(0) { $0 + ($1.isWritable ? UInt64($1.byteCount) : 0) }
            driver.notify(index)
        case 5: try takeBack(index, &result)
        case 6:
            isRaw = true
            try queue.offer(UInt16(number))
            try queue.publish()
            driver.notify(index)
        default:
            isRaw = true
            let address = GuestAddress(input.next(UInt64.self) % (17 << 20))
            try queue.setDescriptor(
                UInt16(number % 16), address, byteCount: input.next(UInt32.self), flags: input.next(UInt16.self),
                next: input.next(UInt16.self))
        }
    }

    private func takeBack(_ index: Int, _ result: inout FuzzedDeviceQueues) throws {
        guard let queue = driver.queue(index) else { return }
        // A device may write over the rings, where a raw descriptor says that its buffers are.
        for _ in 0..<16 {
            guard let used = try queue.takeUsed() else { return }
            result.completed += 1
            if isConsole, index == 2, used.written > 0 { result.messages += 1 }
            if isRaw { continue }
            guard let head = UInt16(exactly: used.head), let room = rooms[index].removeValue(forKey: head) else {
                fuzzFinding("chain \(used.head) of queue \(index) was not at the device")
            }
            if UInt64(used.written) > room { fuzzFinding("\(used.written) bytes in a room of \(room)") }
            if !isConsole, UInt64(used.written) != room { fuzzFinding("\(used.written) random bytes for \(room)") }
        }
    }
}
