// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import VMMemory
internal import VirtioQueue

/// How far a fuzz input got.
public struct FuzzedChains: Sendable, Equatable {
    /// Chains that were walked to their end, translated and returned.
    public var completed = 0
    /// Chains that broke a rule.
    public var malformed = 0
    /// Whether the ring itself was broken, or not valid at all.
    public var isBroken = false
}

/// Builds a queue from any bytes and serves it as a hostile driver's: no input traps, hangs or reaches outside of the
/// guest's memory, or the harness aborts.
///
/// The input, little-endian, what is missing being zero; `ChainFuzzInput` writes the same:
/// ```
///  0  u8   log2 of the queue size, modulo 6; of a packed ring the size less one, modulo 32
///  1  u8   1 indirect, 2 event index, 4 returnHead, 8 mutate the memory between chains, 16 packed ring,
///          32 in order
///  2  u16  first index of both rings; first position in a packed ring
///  4  u16  available index, less the first
///  6  u16  flags of the available ring, or of the driver's event suppression
///  8  u16  used event
/// 10  u16 × size   available ring, not for a packed one
///     16 bytes × size   descriptor table
///     the rest     memory from 0x4000 on: indirect tables and what is read
/// ```
/// Memory: 0x1000 to 0x8000, adjoining 0x8000 to 0x9000, read-only 0xa000 to 0xb000.
@discardableResult
public func fuzzDescriptorChain(_ bytes: UnsafeRawBufferPointer) -> FuzzedChains {
    var result = FuzzedChains()
    guard let arena = ChainFuzzArena.shared else { return result }
    arena.lock()
    defer { arena.unlock() }
    guard let queue = arena.load(bytes) else {
        result.isBroken = true
        return result
    }
    let mutates = bytes.count > 1 && bytes[1] & 8 != 0
    // An honest harness ends by itself; a driver that refills for ever is bounded by its own memory here.
    var budget = 2 * Int(queue.size)
    while budget > 0 {
        budget -= 1
        do throws(QueueError) {
            guard try serveOne(queue, arena) else { break }
            result.completed += 1
        } catch {
            guard queue.recover(from: error) else {
                result.isBroken = true
                break
            }
            result.malformed += 1
        }
        if mutates { arena.disturb() }
        _ = queue.shouldSignalDriver()
        if queue.inFlight != 0 { harnessFailed("a chain was lost") }
    }
    queue.disableNotifications()
    _ = queue.enableNotifications()
    guard let again = try? queue.save().restore(memory: arena.memory, features: queue.features),
        again.save() == queue.save() || result.isBroken
    else { harnessFailed("the saved state is refused") }
    return result
}

/// Walks the next chain by hand, takes it again as buffers, compares the two, reads and writes all of it, returns it.
private func serveOne(_ queue: Queue, _ arena: ChainFuzzArena) throws(QueueError) -> Bool {
    guard var chain = try queue.pop() else { return false }
    var readable: UInt64 = 0
    var writable: UInt64 = 0
    var count = 0
    var walkError: QueueError?
    do throws(QueueError) {
        while let descriptor = try chain.next(in: queue) {
            count += 1
            if descriptor.isWritable {
                writable += UInt64(descriptor.byteCount)
            } else {
                readable += UInt64(descriptor.byteCount)
            }
        }
    } catch { walkError = error }
    if count > Int(queue.size) { harnessFailed("a chain of \(count) in a queue of \(queue.size)") }
    queue.undoPop(chain.head)
    let buffers = arena.buffers
    do throws(QueueError) {
        guard try queue.pop(into: buffers) != nil else { harnessFailed("a chain put back is gone") }
    } catch .chain(let head, .unmappedBuffer(let address, let byteCount)) {
        throw .chain(head, .unmappedBuffer(address, byteCount: byteCount))
    } catch {
        if error != walkError { harnessFailed("walk and pop differ: \(String(describing: walkError)), \(error)") }
        throw error
    }
    guard walkError == nil, buffers.readableByteCount == readable, buffers.writableByteCount == writable else {
        harnessFailed("walk and pop differ")
    }
    var reader = buffers.reader
    _ = reader.read(UInt32.self)
    _ = reader.split(UInt64(count))?.remaining
    while arena.scratch.withUnsafeMutableBytes({ reader.read(into: $0) }) > 0 {}
    arena.vectors.removeAll()
    var writer = buffers.writer
    writer.appendVectors(to: &arena.vectors)
    if arena.vectors.byteCount != writable { harnessFailed("vectors of another length") }
    _ = writer.write(UInt64(0x5a5a_5a5a_5a5a_5a5a))
    _ = writer.writeZeros(UInt64(count))
    while arena.scratch.withUnsafeBytes({ writer.write($0) }) > 0 {}
    if writer.position != writable || reader.remaining != 0 { harnessFailed("not all was reached") }
    queue.push(buffers, written: UInt32(truncatingIfNeeded: writer.position))
    return true
}

/// Ends the process, which is how a fuzzer learns of a finding.
private func harnessFailed(_ what: String) -> Never {
    print("fuzzDescriptorChain: \(what)")
    fflush(nil)
    abort()
}

/// Memory and buffers that all runs share, as mapping them would be most of a run's time.
private final class ChainFuzzArena: @unchecked Sendable {
    static let shared = ChainFuzzArena()

    let memory: GuestMemory
    let buffers = ChainBuffers()
    var vectors = IOVecs()
    var scratch = [UInt8](repeating: 0, count: 512)
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let base: UnsafeMutableRawPointer
    private let secondBase: UnsafeMutableRawPointer
    private var disturbance: UInt64 = 1

    private init?() {
        var readOnly = MappingOptions()
        readOnly.isReadOnly = true
        guard let low = GuestRange(start: GuestAddress(0x1000), byteCount: 0x7000),
            let high = GuestRange(start: GuestAddress(0x8000), byteCount: 0x1000),
            let fixed = GuestRange(start: GuestAddress(0xa000), byteCount: 0x1000),
            let memory = try? GuestMemory(regions: [
                .anonymous(low), .anonymous(high), .anonymous(fixed, options: readOnly),
            ]), let base = memory.region(containing: low.start)?.hostAddress,
            let secondBase = memory.region(containing: high.start)?.hostAddress
        else { return nil }
        self.memory = memory
        self.base = base
        self.secondBase = secondBase
        pthread_mutex_init(mutex, nil)
    }

    func lock() { pthread_mutex_lock(mutex) }
    func unlock() { pthread_mutex_unlock(mutex) }

    /// Lays the input out in memory and makes the device's queue.
    func load(_ bytes: UnsafeRawBufferPointer) -> Queue? {
        // The read-only region is never written.
        memset(base, 0, 0x7000)
        memset(secondBase, 0, 0x1000)
        func byte(_ index: Int) -> UInt8 { index < bytes.count ? bytes[index] : 0 }
        func half(_ index: Int) -> UInt16 { UInt16(byte(index)) | UInt16(byte(index + 1)) << 8 }
        let isPacked = byte(1) & 16 != 0
        let size = isPacked ? UInt16(byte(0) % 32) + 1 : UInt16(1) << UInt16(byte(0) % 6)
        disturbance = UInt64(bytes.count) &+ 1
        var configuration = QueueConfiguration(maximumSize: size)
        configuration.descriptorTable = GuestAddress(0x1000)
        configuration.availableRing = GuestAddress(0x2000)
        configuration.usedRing = GuestAddress(0x3000)
        configuration.isReady = true
        let first = half(2)
        var next = ChainFuzzInput.headerByteCount
        func copy(_ count: Int, to address: Int) {
            guard next < bytes.count, let from = bytes.baseAddress else { return }
            let count = min(count, bytes.count - next)
            memcpy(base + (address - 0x1000), from + next, count)
            next += count
        }
        if !isPacked { copy(2 * Int(size), to: 0x2004) }
        copy(16 * Int(size), to: 0x1000)
        copy(0x4000, to: 0x4000)
        if isPacked {
            store(half(8), at: 0x2000)
            store(half(6), at: 0x2002)
        } else {
            store(half(6), at: 0x2000)
            store(first &+ half(4), at: 0x2002)
            store(half(8), at: 0x2004 + 2 * Int(size))
        }
        var features: VirtioFeatures = [.version1]
        if byte(1) & 1 != 0 { features.insert(.indirectDescriptors) }
        if byte(1) & 2 != 0 { features.insert(.eventIndex) }
        if isPacked { features.insert(.packedRing) }
        if byte(1) & 32 != 0 { features.insert(.inOrder) }
        let state = QueueState(
            configuration: configuration, format: RingFormat(features), nextAvailable: first, nextUsed: first)
        guard let queue = try? state.restore(memory: memory, features: features) else { return nil }
        queue.malformedChainPolicy = byte(1) & 4 != 0 ? .returnHead : .failDevice
        return queue
    }

    /// Changes a byte of the queue's own memory, as the device's writes and a busy driver do.
    func disturb() {
        disturbance = disturbance &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        let offset = Int(truncatingIfNeeded: disturbance >> 33) & 0x1fff
        (base + offset).storeBytes(of: UInt8(truncatingIfNeeded: disturbance >> 56), as: UInt8.self)
    }

    private func store(_ value: UInt16, at address: Int) {
        (base + (address - 0x1000)).storeBytes(of: value, as: UInt16.self)
    }
}
