// SPDX-License-Identifier: Apache-2.0
internal import VMMemory
internal import VirtioQueue

/// What became of a fuzzed saved state.
public struct FuzzedQueueState: Sendable, Equatable {
    /// Whether a queue was made of it.
    public var isRestored = false
    /// Chains that the queue then served.
    public var completed = 0
}

/// Restores a queue from any numbers over any guest memory, as from a file that somebody changed, gives back what was in
/// flight and serves what is in the rings. A state that is taken must be the same when it is saved again, and nothing may
/// trap, hang or reach outside of the guest's memory, or the harness aborts.
///
/// The input, little-endian, what is missing being zero:
/// ```
///  0  u8   1 indirect, 2 event index, 4 packed ring negotiated, 8 packed ring saved, 16 ready, 32 broken,
///          64 in order
///  1  u16  maximum size
///  3  u16  size
///  5  u16 × 3  addresses of table, available and used ring, in units of 2 bytes
/// 11  u16 × 3  next available, next used, in flight
/// 17  u32  unsignalled
///     the rest: guest memory from 0x1000 on, at most 32 KiB. In order, the first of it is also, for each chain in
///     flight, at most 64: u16 index, u8 slots, u8 1 if it waits for others, 2 if all of it was written
/// ```
@discardableResult
public func fuzzQueueState(_ bytes: UnsafeRawBufferPointer) -> FuzzedQueueState {
    stateArena.withLock { arena in try arena.run(bytes) }
}

private let stateArena = FuzzArena { try StateArena() }

private final class StateArena {
    private let memory: GuestMemory
    private let buffers = ChainBuffers()
    private static let start = GuestAddress(0x1000)
    private static let byteCount: UInt64 = 0x8000
    private static let headerByteCount = 21

    init() throws {
        guard let range = GuestRange(start: Self.start, byteCount: Self.byteCount) else { fuzzFinding("no memory") }
        memory = try .anonymous([range])
    }

    func run(_ bytes: UnsafeRawBufferPointer) throws -> FuzzedQueueState {
        try memory.fill(0, at: Self.start, byteCount: Self.byteCount)
        if bytes.count > Self.headerByteCount {
            let content = UnsafeRawBufferPointer(rebasing: bytes[Self.headerByteCount...].prefix(Int(Self.byteCount)))
            _ = try memory.writeSome(at: Self.start, from: content)
        }
        var input = FuzzInput(bytes)
        let flags = input.next()
        let state = state(&input, flags)
        var features: VirtioFeatures = [.version1]
        if flags & 1 != 0 { features.insert(.indirectDescriptors) }
        if flags & 2 != 0 { features.insert(.eventIndex) }
        if flags & 4 != 0 { features.insert(.packedRing) }
        if flags & 64 != 0 { features.insert(.inOrder) }
        var result = FuzzedQueueState()
        let queue: Queue
        do throws(QueueConfigurationError) {
            queue = try state.restore(memory: memory, features: features)
        } catch {
            return result
        }
        result.isRestored = true
        if queue.save() != state { fuzzFinding("\(state) became \(queue.save())") }
        giveBack(queue)
        result.completed = serve(queue)
        let saved = queue.save()
        // Heads of other lengths than were taken leave a packed ring that is refused: a device checks what it has saved.
        if state.format == .packed, state.inFlight > 0 { return result }
        guard let again = try? saved.restore(memory: memory, features: features), again.save() == saved else {
            fuzzFinding("what the queue saves is refused: \(saved)")
        }
        return result
    }

    private func state(_ input: inout FuzzInput, _ flags: UInt8) -> QueueState {
        var configuration = QueueConfiguration(maximumSize: input.next(UInt16.self))
        configuration.size = input.next(UInt16.self)
        configuration.descriptorTable = GuestAddress(UInt64(input.next(UInt16.self)) * 2)
        configuration.availableRing = GuestAddress(UInt64(input.next(UInt16.self)) * 2)
        configuration.usedRing = GuestAddress(UInt64(input.next(UInt16.self)) * 2)
        configuration.isReady = flags & 16 != 0
        var state = QueueState(
            configuration: configuration, format: flags & 8 != 0 ? .packed : .split,
            nextAvailable: input.next(UInt16.self), nextUsed: input.next(UInt16.self),
            inFlight: input.next(UInt16.self), unsignalled: input.next(UInt32.self), isBroken: flags & 32 != 0)
        guard flags & 64 != 0 else { return state }
        for _ in 0..<min(state.inFlight, 64) {
            let index = input.next(UInt16.self)
            let slots = UInt16(input.next())
            let what = input.next()
            state.order.append(
                .init(index: index, slotCount: slots, written: what & 1 != 0 ? 7 : nil, isComplete: what & 2 != 0))
        }
        return state
    }

    /// Names chains that are said to be in flight, more than there are, and returns them.
    private func giveBack(_ queue: Queue) {
        let count = min(queue.inFlight, 64)
        for index in 0..<UInt16(count + 2) {
            guard let head = queue.head(inFlight: index, slotCount: 1 + index % 2) else { continue }
            queue.push(head, written: UInt32(index))
        }
        _ = queue.shouldSignalDriver()
    }

    private func serve(_ queue: Queue) -> Int {
        var completed = 0
        // The driver's memory does not change but by the device, which never offers anything.
        for _ in 0..<256 {
            do throws(QueueError) {
                guard let head = try queue.pop(into: buffers) else { break }
                completed += 1
                queue.push(head, written: 0)
            } catch {
                guard queue.recover(from: error) else { break }
            }
        }
        queue.disableNotifications()
        _ = queue.enableNotifications()
        return completed
    }
}
