// SPDX-License-Identifier: Apache-2.0
public import VMMemory

/// Where everything goes and where the guest starts, decided before a byte is written.
///
/// Make one with `BootPlan.x86` or `BootPlan.deviceTree`; then `Kernel.load` and `loadInitrd` carry it out.
public struct BootPlan: Sendable, Equatable {
    /// Bytes of the kernel's file and their place. What the place has more is zeroed.
    public struct Segment: Sendable, Equatable {
        /// Offset in the image that `Kernel` holds.
        public let fileOffset: UInt64
        /// Bytes from there.
        public let fileByteCount: UInt64
        /// The place in guest memory.
        public let range: GuestRange
    }

    /// A finished structure, such as the zero page.
    public struct Structure: Sendable, Equatable {
        /// What it is.
        public let part: BootPart
        /// Its address.
        public let address: GuestAddress
        /// Its bytes.
        public let bytes: [UInt8]
    }

    /// The first instruction and the processor state it expects.
    public let entryPoint: EntryPoint
    /// What the entry gets in its register: the zero page (RSI), `hvm_start_info` (RBX), or the device tree.
    public let parameters: GuestAddress
    /// Everything the kernel needs at its place before it reads the memory map: image, BSS and working space.
    public let kernelRange: GuestRange
    /// The parts of the kernel.
    public let segments: [Segment]
    /// Where the initrd goes.
    public let initrd: GuestRange?
    /// Where the device tree goes (arm64, riscv64): the caller writes it, since it must name the initrd's place.
    public let deviceTree: GuestRange?
    /// Zero page or PVH structures, and the command line.
    public let structures: [Structure]
    /// How the kernel's virtual addresses move; nil if they stay as linked.
    public let relocation: Relocation?

    /// A move of the kernel's virtual base.
    public struct Relocation: Sendable, Equatable {
        /// The table to apply.
        public let table: RelocationTable
        /// By how many bytes every kernel address grows.
        public let offset: UInt64
    }
}

/// Ranges in use, each with its name; refuses overlaps and places without memory.
struct Claims {
    let map: MemoryMap
    private(set) var taken: [(part: BootPart, range: GuestRange)] = []

    init(_ map: MemoryMap, reserved: [GuestRange]) {
        self.map = map
        taken = reserved.map { (.reserved, $0) }
    }

    var ranges: [GuestRange] { taken.map { $0.range } }

    mutating func claim(_ part: BootPart, _ range: GuestRange?, at start: GuestAddress) throws(BootPlanError) {
        guard let range else {
            throw .doesNotFit(part, byteCount: .max, below: start)
        }
        guard map.isRAM(range) else { throw .outsideMemory(part, range) }
        if let other = taken.first(where: { $0.range.overlaps(range) }) {
            throw .overlap(part, other.part, at: max(other.range.start, range.start))
        }
        taken.append((part, range))
    }

    /// Takes the highest free place below `end`.
    mutating func place(
        _ part: BootPart, byteCount: UInt64, alignment: UInt64, below end: GuestAddress
    ) throws(BootPlanError) -> GuestRange {
        guard let range = map.highestPlace(byteCount: byteCount, alignment: alignment, below: end, avoiding: ranges)
        else { throw .doesNotFit(part, byteCount: byteCount, below: end) }
        taken.append((part, range))
        return range
    }
}
