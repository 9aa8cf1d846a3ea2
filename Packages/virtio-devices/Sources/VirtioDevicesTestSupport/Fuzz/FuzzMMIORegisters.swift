// SPDX-License-Identifier: Apache-2.0
internal import VMMemory
internal import VirtioDevices
internal import VirtioModel
internal import VirtioQueue
internal import VirtioQueueTestSupport

/// How far a fuzzed sequence of register accesses got.
public struct FuzzedRegisters: Sendable, Equatable {
    /// Accesses made.
    public var accesses = 0
    /// How often the device was running after one.
    public var runs = 0
}

/// Plays any sequence of register accesses to a page with an entropy device, and checks after each that the registers
/// agree with each other; else the harness aborts. Afterwards the device must start as if nothing had been.
///
/// The input is a list of 8 bytes each, little-endian:
/// ```
///  0  u8   what: 0 write, 1 read, 2 the next step of the status, 3 set queue 0 up as it should be, 4 accept what is
///          offered, 5 put a chain into the queue and ring, 6 reset (modulo 7)
///  1  u8   width: 1, 2, 4 or 8 bytes (modulo 4)
///  2  u16  offset (modulo 0x204)
///  4  u32  value
/// ```
@discardableResult
public func fuzzMMIORegisters(_ bytes: UnsafeRawBufferPointer) -> FuzzedRegisters {
    registerArena.withLock { arena in
        do throws(GuestMemoryError) {
            return try arena.run(bytes)
        } catch {
            fuzzFinding("the harness's own memory: \(error)")
        }
    }
}

private let registerArena = FuzzArena { RegisterArena() }

private final class RegisterArena {
    private let driver: MMIODriver
    /// Accesses of one input that are played.
    private static let accessesMax = 2048

    init() {
        do throws(GuestMemoryError) {
            driver = try MMIODriver(EntropyDevice(queueSize: 16))
        } catch {
            fuzzFinding("no memory: \(error)")
        }
    }

    func run(_ bytes: UnsafeRawBufferPointer) throws(GuestMemoryError) -> FuzzedRegisters {
        var result = FuzzedRegisters()
        var input = FuzzInput(bytes)
        driver.status = 0
        let queue = try DriverQueue(memory: driver.memory, size: 16, at: GuestAddress(0x10_0000))
        let room = queue.buffer(room: 64)
        while !input.isAtEnd, result.accesses < Self.accessesMax {
            let what = input.next() % 7
            let size = 1 << Int(input.next() % 4)
            let offset = UInt64(input.next(UInt16.self) % 0x204)
            let value = input.next(UInt32.self)
            let before = driver.status
            switch what {
            case 0: driver.transport.write(offset: offset, value: UInt64(value) << 32 | UInt64(value), size: size)
            case 1: _ = driver.transport.read(offset: offset, size: size)
            case 2: driver.status = [0: 1, 1: 3, 3: 0xb, 0xb: 0xf][before] ?? value
            case 3: driver.setUp(0, queue.configuration)
            case 4: driver.accept(driver.offeredFeatures)
            case 5:
                try queue.setDescriptor(0, room.address, byteCount: 64, flags: UInt16(truncatingIfNeeded: value))
                try queue.offer(UInt16(truncatingIfNeeded: offset & 31))
                try queue.publish()
                driver.notify(0)
            default: driver.status = 0
            }
            result.accesses += 1
            check(from: before)
            if driver.status == 0xf { result.runs += 1 }
        }
        try driver.start()
        if driver.status != 0xf { fuzzFinding("it does not start after all that: status \(driver.status)") }
        return result
    }

    private func check(from before: UInt32) {
        let status = driver.status
        if ![0, 1, 3, 0xb, 0xf].contains(status & 0x3f) { fuzzFinding("status \(status)") }
        // Bits only come; or all go.
        if status != 0 && before & ~status != 0 { fuzzFinding("status went from \(before) to \(status)") }
        if status & 0x40 != 0 && status & 0x4 == 0 { fuzzFinding("needs a reset without having run: \(status)") }
        if status == 0 && driver.read(MMIODriver.Register.interruptStatus) != 0 {
            fuzzFinding("interrupt after a reset")
        }
        if status & 0x8 == 0 && driver.read(MMIODriver.Register.queueReady) != 0 { fuzzFinding("a queue too early") }
        if driver.read(MMIODriver.Register.interruptStatus) & ~3 != 0 { fuzzFinding("unknown interrupt") }
    }
}
