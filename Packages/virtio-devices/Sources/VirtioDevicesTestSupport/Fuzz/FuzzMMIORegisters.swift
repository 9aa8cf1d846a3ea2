// SPDX-License-Identifier: Apache-2.0
internal import VMMemory
internal import VirtioQueueTestSupport

/// How far a fuzzed sequence of register accesses got.
public struct FuzzedRegisters: Sendable, Equatable {
    /// Accesses made.
    public var accesses = 0
    /// How often the device was running after one.
    public var runs = 0
    /// Chains that came back.
    public var answers = 0
    /// How often the device went on from a saved state, as it was or forged.
    public var restores = 0
    /// Forged states that were refused.
    public var refusals = 0
}

/// Plays any sequence of register accesses to the page of an entropy, a block or a console device, with split or packed
/// rings; saves and restores it in between, from states that somebody forged too. After each access the registers must
/// agree with each other; a forged state must be restored or refused by a typed error; afterwards the device must start
/// as if nothing had been, and serve a chain; else the harness aborts.
///
/// The input is a list of 8 bytes each, little-endian:
/// ```
///  0  u8   what (modulo 10):
///          0 write, 1 read, 2 the next step of the status, 3 set all queues up as they should be,
///          4 accept what is offered, packed rings if bit 0 of the value is set,
///          5 put a chain into a queue and ring: bits 16 and up of the value say which queue; the low half is 0x100 for a
///            good chain, else the flags of a descriptor that is offered as head offset & 31,
///          6 reset the device, 7 save and restore it, with a state forged as the value says; 0 leaves it as it is,
///          8 go on with another device: 0 entropy, 1 block, 2 console (modulo 3), 9 reset a queue
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
