// SPDX-License-Identifier: Apache-2.0
internal import VMMemory

/// `boot_params` of the Linux/x86 boot protocol (Documentation/arch/x86/zero-page.rst), 4 KiB.
struct ZeroPage {
    private(set) var fields = Fields(count: 4096)

    /// Starts from a bzImage's header, or for a bare ELF from the least that marks a valid one.
    ///
    /// Only the header is taken from the file: the rest must be zero, above all the sentinel at 0x1ef.
    init(_ header: SetupHeader?) {
        if let header {
            fields.replace(at: SetupHeader.offset, with: header.bytes)
        } else {
            fields.set(0x1fe, 0xaa55 as UInt16)  // boot_flag
            fields.set(0x202, SetupHeader.magic)
            fields.set(0x206, 0x20f as UInt16)  // version: a zero makes the kernel copy this page twice
            fields.set(0x22c, 0x7fff_ffff as UInt32)  // initrd_addr_max
            fields.set(0x230, 0x20_0000 as UInt32)  // kernel_alignment
            fields.set(0x238, 2047 as UInt32)  // cmdline_size
        }
        // Whatever the file says here is the loader's to fill in.
        fields.set(0x210, 0xff as UInt8)  // type_of_loader: none that has a number
        fields.set(0x211, 1 as UInt8)  // loadflags: LOADED_HIGH
        fields.set(0x218, 0 as UInt64)  // ramdisk_image, ramdisk_size
        fields.set(0x224, 0 as UInt16)  // heap_end_ptr
        fields.set(0x228, 0 as UInt32)  // cmd_line_ptr
        fields.set(0x250, 0 as UInt64)  // setup_data
    }

    /// Tells the kernel that its base was randomised (`KASLR_FLAG`), which makes it randomise its memory regions too
    /// and print the offset when it panics.
    mutating func setRandomized() { fields.set(0x211, fields.u8(0x211) | 2) }

    mutating func setCodeStart(_ address: UInt32) { fields.set(0x214, address) }

    mutating func setCommandLine(_ address: GuestAddress) {
        fields.set(0x228, UInt32(truncatingIfNeeded: address.rawValue))
        fields.set(0x0c8, UInt32(truncatingIfNeeded: address.rawValue >> 32))
    }

    mutating func setInitrd(_ range: GuestRange) {
        fields.set(0x218, UInt32(truncatingIfNeeded: range.start.rawValue))
        fields.set(0x0c0, UInt32(truncatingIfNeeded: range.start.rawValue >> 32))
        fields.set(0x21c, UInt32(truncatingIfNeeded: range.byteCount))
        fields.set(0x0c4, UInt32(truncatingIfNeeded: range.byteCount >> 32))
    }

    mutating func setRSDP(_ address: GuestAddress) { fields.set(0x070, address.rawValue) }

    /// At most 128 lines, which `MemoryMap` guarantees.
    mutating func setMemoryMap(_ map: MemoryMap) {
        fields.set(0x1e8, UInt8(truncatingIfNeeded: map.entries.count))
        for (index, entry) in map.entries.enumerated() {
            fields.set(0x2d0 + index * 20, entry.range.start.rawValue)
            fields.set(0x2d0 + index * 20 + 8, entry.range.byteCount)
            fields.set(0x2d0 + index * 20 + 16, entry.kind.rawValue)
        }
    }
}
