// SPDX-License-Identifier: Apache-2.0
internal import CVirtioDevices
internal import Glibc
package import VMMSysUtil
package import VMMemory

/// A ring of reads, writes and flushes of one file, which the kernel does while the thread goes on (`io_uring(7)`).
///
/// The ring is restricted before it is enabled: it takes no other opcode, no other file, and registers nothing more.
/// What a guest could make of a mistake in here ends at that file. There is no thread of the kernel's that polls, so the
/// kernel looks at new entries in `submit` alone.
///
/// Whoever drops it must have waited for what is in flight: the kernel goes on writing when the descriptor is closed.
package final class IOUring {
    private let descriptor: FileDescriptor
    private let memory: IOUringMemory
    private let mask: UInt32
    private let completionMask: UInt32
    /// How many entries fit, in flight and not submitted yet together.
    package let capacity: UInt32
    /// Readable after a completion until it is read.
    package let event: EventFD
    /// Where the next entry goes, and the next completion is.
    private var tail: UInt32 = 0
    private var head: UInt32 = 0

    /// What the kernel is asked to do; the opcodes that the ring is restricted to.
    package enum Operation {
        /// `preadv`.
        case read
        /// `pwritev`; each byte is as safe as after `fdatasync` before it completes, if `isStable`.
        case write(isStable: Bool)
        /// `fdatasync`: of what completed before, and maybe of more.
        case synchronise
    }

    /// What the kernel did.
    package struct Completion: Equatable {
        /// As it was added.
        package var token: UInt64
        /// A number of bytes, or a negative error number.
        package var result: Int32

        /// As it would be, to compare with.
        package init(token: UInt64, result: Int32) {
            self.token = token
            self.result = result
        }
    }

    /// Makes a ring for a file.
    /// - Parameters:
    ///   - file: borrowed; the ring keeps the open file itself.
    ///   - capacity: from 1 to 4096; rounded up to a power of two.
    package init(for file: borrowing FileDescriptor, capacity: Int) throws(IOUringError) {
        guard (1...4096).contains(capacity) else { throw .badSize(capacity) }
        var layout = vmm_ring_layout()
        let number = try Self.step(.setUp) { vmm_ring_set_up(UInt32(capacity), &layout) }
        let descriptor = FileDescriptor(owning: number)
        memory = try IOUringMemory(descriptor, layout)
        do throws(Errno) { event = try EventFD() } catch { throw .refused(.makeEvent, error) }
        let fileNumber = file.rawValue
        let eventNumber = event.descriptor.rawValue
        try Self.step(.registerFile) { vmm_ring_register_file(number, fileNumber) }
        try Self.step(.registerEvent) { vmm_ring_register_event(number, eventNumber) }
        try Self.step(.restrict) { vmm_ring_restrict(number) }
        try Self.step(.enable) { vmm_ring_enable(number) }
        self.descriptor = descriptor
        self.capacity = layout.entries
        mask = layout.entries &- 1
        completionMask = layout.completions &- 1
    }

    @discardableResult
    private static func step(_ step: IOUringError.Step, _ call: () -> Int32) throws(IOUringError) -> Int32 {
        do throws(Errno) { return try retryOnInterrupt(call) } catch { throw .refused(step, error) }
    }

    /// Entries that the kernel has not taken yet.
    package var waiting: UInt32 { tail &- vmm_ring_load_acquire(memory.entriesHead) }

    /// Entries that the kernel took and whose completions are not taken: each entry has exactly one.
    package var inFlight: UInt32 { vmm_ring_load_acquire(memory.entriesHead) &- head }

    /// Adds an entry, to be submitted later.
    /// - Parameters:
    ///   - pieces: stay as they are, and what they point to stays mapped, until the completion is taken. At most
    ///     1,024 of them are transferred (`IOV_MAX`).
    ///   - token: comes back with the completion.
    /// - Returns: false if there is no room.
    package func add(
        _ operation: Operation, at byteOffset: UInt64, _ pieces: borrowing IOVecs, token: UInt64
    ) -> Bool {
        var entry = vmm_ring_entry()
        switch operation {
        case .read:
            entry.opcode = vmm_ring_readv
        case .write(let isStable):
            entry.opcode = vmm_ring_writev
            if isStable { entry.rw_flags = vmm_ring_dsync }
        case .synchronise:
            entry.opcode = vmm_ring_fsync
            entry.rw_flags = vmm_ring_datasync
        }
        if entry.opcode != vmm_ring_fsync {
            entry.offset = byteOffset
            entry.address = UInt64(UInt(bitPattern: pieces.pointer))
            entry.count = UInt32(clamping: min(pieces.count, 1024))
        }
        entry.flags = vmm_ring_fixed_file
        entry.user_data = token
        return add(entry)
    }

    /// Adds an entry with any opcode, flags and file, as a mistake in here might: for tests of the restriction.
    package func addUnchecked(opcode: UInt8, isFixedFile: Bool, file: Int32, flags: UInt8 = 0, token: UInt64) -> Bool {
        var entry = vmm_ring_entry()
        entry.opcode = opcode
        entry.flags = flags | (isFixedFile ? vmm_ring_fixed_file : 0)
        entry.file = file
        entry.user_data = token
        return add(entry)
    }

    private func add(_ entry: vmm_ring_entry) -> Bool {
        // No more in flight than entries, of which there are fewer than completions: those never overflow.
        guard waiting &+ inFlight < capacity else { return false }
        withUnsafePointer(to: entry) { vmm_ring_write_entry(memory.entries, tail & mask, $0) }
        tail &+= 1
        vmm_ring_store_release(memory.entriesTail, tail)
        return true
    }

    /// Gives the kernel what was added.
    /// - Throws: the kernel's error; what it did not take is still `waiting`.
    package func submit() throws(Errno) {
        let number = descriptor.rawValue
        // Each call takes at least one entry, or fails.
        while waiting > 0 {
            guard try retryOnInterrupt({ vmm_ring_enter(number, waiting, 0) }) > 0 else { throw .wouldBlock }
        }
    }

    /// Takes back the entry that was added last, if the kernel has not taken it yet.
    /// - Returns: its token.
    package func withdraw() -> UInt64? {
        guard waiting > 0 else { return nil }
        tail &-= 1
        vmm_ring_store_release(memory.entriesTail, tail)
        return vmm_ring_read_token(memory.entries, tail & mask)
    }

    /// The next completion, in the order in which they came.
    package func next() -> Completion? {
        guard head != vmm_ring_load_acquire(memory.completionsTail) else { return nil }
        let completion = vmm_ring_read_completion(memory.completions, head & completionMask)
        head &+= 1
        vmm_ring_store_release(memory.completionsHead, head)
        return Completion(token: completion.user_data, result: completion.result)
    }

    /// Returns when there is a completion, or nothing in flight.
    package func wait() {
        let number = descriptor.rawValue
        while inFlight > 0, head == vmm_ring_load_acquire(memory.completionsTail) {
            // Whatever the error: what is in flight still writes to memory, so there is nothing to do but wait.
            if vmm_ring_enter(number, 0, 1) < 0 { sched_yield() }
        }
    }

    /// Registers another file: for tests of the restriction.
    package func registerUnchecked(_ file: borrowing FileDescriptor) throws(Errno) {
        let (ring, number) = (descriptor.rawValue, file.rawValue)
        try retryOnInterrupt { vmm_ring_register_file(ring, number) }
    }
}
