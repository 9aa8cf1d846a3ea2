// SPDX-License-Identifier: Apache-2.0
internal import VMMSysUtil
internal import VMMemory
internal import VirtioDevices
internal import VirtioModel
internal import VirtioQueue
internal import VirtioQueueTestSupport

/// How a fuzzed block request ended.
public struct FuzzedBlockRequest: Sendable, Equatable {
    /// The status byte, or nil if the device wrote none.
    public var status: UInt8?
    /// The used length.
    public var written: UInt32 = 0
}

/// Makes one block request of any bytes and has the device answer it. It must come back exactly once, with a status that
/// the specification knows and no more bytes than there was room for; the device must go on; else the harness aborts.
///
/// The input, little-endian, what is missing being zero:
/// ```
///  0  u8   1 read-only, 2 indirect, 4 no features, 8 a disk with a bad sector
///  1  u8   number of data pieces, modulo 16
///  2  u8   where the header is cut in two, modulo 17
///  3  u8   status: 0 a piece of its own, 1 the last data piece's last byte, 2 none (modulo 3)
///  4       header: type u32, reserved u32, sector u64
/// 20       for each data piece: length u16 modulo 4097, u8 1 for writable
///          content of the readable pieces
/// ```
@discardableResult
public func fuzzBlockRequest(_ bytes: UnsafeRawBufferPointer) -> FuzzedBlockRequest {
    blockArenas.withLock { arenas in
        var input = FuzzInput(bytes)
        let flags = input.next()
        let arena = arenas[Int(flags & 9 == 9 ? 3 : flags & 8 != 0 ? 2 : flags & 1)]
        do throws(GuestMemoryError) {
            return try arena.run(&input, flags)
        } catch {
            fuzzFinding("the harness's own memory: \(error)")
        }
    }
}

private let blockArenas = FuzzArena { (0..<4).map { BlockArena(isReadOnly: $0 & 1 != 0, isFlaky: $0 & 2 != 0) } }

private final class BlockArena {
    private let driver: MMIODriver
    private let disk: MemoryDisk
    private static let sectors = 64

    init(isReadOnly: Bool, isFlaky: Bool) {
        disk = MemoryDisk(sectors: Self.sectors, isReadOnly: isReadOnly)
        let flaky = FlakyDisk(disk)
        if isFlaky { flaky.badByteOffset = 10_000 }
        do throws(GuestMemoryError) {
            driver = try MMIODriver(BlockDevice(disk: flaky, options: BlockOptions(queueSize: 64)))
        } catch {
            fuzzFinding("no memory: \(error)")
        }
    }

    func run(_ input: inout FuzzInput, _ flags: UInt8) throws(GuestMemoryError) -> FuzzedBlockRequest {
        let features = flags & 4 != 0 ? [.version1, .indirectDescriptors] : driver.offeredFeatures
        try driver.start(features)
        guard let queue = driver.queue(0) else { fuzzFinding("no queue") }
        let chain = try chain(&input, queue)
        guard let head = try queue.send(chain.buffers, isIndirect: flags & 2 != 0) else {
            fuzzFinding("the chain does not fit")
        }
        driver.notify(0)
        guard driver.status == 0xf else { fuzzFinding("status is \(driver.status)") }
        guard let used = try queue.takeUsed(), used.head == UInt32(head) else { fuzzFinding("the chain is lost") }
        if try queue.takeUsed() != nil { fuzzFinding("the chain came back twice") }
        let room = chain.buffers.reduce(0) { $0 + ($1.isWritable ? UInt64($1.byteCount) : 0) }
        if UInt64(used.written) > room { fuzzFinding("\(used.written) bytes in a room of \(room)") }
        if disk.byteCount != UInt64(512 * Self.sectors) { fuzzFinding("the disk changed its size") }
        var result = FuzzedBlockRequest(status: nil, written: used.written)
        guard let address = chain.status else { return result }
        let status = try driver.memory.load(UInt8.self, at: address)
        // A chain that breaks the queue's rules has no request in it.
        if status == 0xee && used.written == 0 { return result }
        if status > 2 { fuzzFinding("status byte \(status)") }
        result.status = status
        return result
    }

    private func chain(
        _ input: inout FuzzInput, _ queue: DriverQueue
    ) throws(GuestMemoryError) -> (buffers: [DriverQueue.Buffer], status: GuestAddress?) {
        let pieceCount = Int(input.next() % 16)
        let cut = Int(input.next() % 17)
        let statusKind = input.next() % 3
        let header = input.next(count: 16)
        let pieces = (0..<pieceCount).map { _ in
            (byteCount: Int(input.next(UInt16.self) % 4097), isWritable: input.next() & 1 != 0)
        }
        var buffers: [DriverQueue.Buffer] = []
        for part in [Array(header[..<cut]), Array(header[cut...])] where !part.isEmpty {
            buffers.append(try queue.buffer(of: part))
        }
        for piece in pieces {
            buffers.append(
                piece.isWritable
                    ? queue.buffer(room: UInt32(piece.byteCount))
                    : try queue.buffer(of: input.next(count: piece.byteCount)))
        }
        if statusKind == 0 { buffers.append(queue.buffer(room: 1)) }
        guard let last = buffers.last(where: { $0.isWritable && $0.byteCount > 0 }) else { return (buffers, nil) }
        let status = GuestAddress(last.address.rawValue + UInt64(last.byteCount) - 1)
        try driver.memory.store(0xee as UInt8, at: status)
        return (buffers, status)
    }
}
