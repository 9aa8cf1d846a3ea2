// SPDX-License-Identifier: Apache-2.0
internal import VMMemory

/// The descriptor table and the page tables that a kernel starts on, until it has its own.
enum BootTables {
    static let descriptorCount = 5

    /// Null, unused, code at 0x10, data at 0x18, task state at 0x20; the same for both protocols but for code's L bit.
    private static func descriptors(is64Bit: Bool) -> [UInt64] {
        [0, 0, is64Bit ? 0x00AF_9B00_0000_FFFF : 0x00CF_9B00_0000_FFFF, 0x00CF_9300_0000_FFFF, 0x0000_8B00_0000_0067]
    }

    /// Writes the descriptors and, for 64-bit entry, an identity map of the first 4 GiB in pages of 2 MiB: kernel, zero
    /// page, command line and initrd all lie there.
    static func write(to memory: GuestMemory, is64Bit: Bool) throws(GuestMemoryError) {
        for (index, descriptor) in descriptors(is64Bit: is64Bit).enumerated() {
            try store(descriptor, index: index, table: Layout.gdt.rawValue, memory)
        }
        guard is64Bit else { return }
        let pml4 = Layout.pageTables.rawValue
        let pdpt = pml4 + 0x1000
        try store(pdpt | 3, index: 0, table: pml4, memory)
        for gigabyte in 0..<4 {
            let directory = pdpt + 0x1000 * UInt64(gigabyte + 1)
            try store(directory | 3, index: gigabyte, table: pdpt, memory)
            for page in 0..<512 {
                let address = UInt64(gigabyte) << 30 | UInt64(page) << 21
                // Present, writable, 2 MiB.
                try store(address | 0x83, index: page, table: directory, memory)
            }
        }
    }

    private static func store(
        _ value: UInt64, index: Int, table: UInt64, _ memory: GuestMemory
    ) throws(GuestMemoryError) {
        try memory.store(value, at: GuestAddress(table + UInt64(index) * 8))
    }
}
