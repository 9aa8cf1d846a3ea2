// SPDX-License-Identifier: Apache-2.0
internal import VMMemory

/// The PVH boot structures (xen/include/public/arch-x86/hvm/start_info.h), version 1.
enum PVHStartInfo {
    /// `struct hvm_start_info`, 56 bytes.
    static func startInfo(
        commandLine: GuestAddress, rsdp: GuestAddress?, moduleList: GuestAddress?, memoryMap: GuestAddress,
        memoryMapCount: Int
    ) -> [UInt8] {
        var fields = Fields(count: 56)
        fields.set(0, 0x336e_c578 as UInt32)  // "xEn3" with the top bit of the E set
        fields.set(4, 1 as UInt32)  // version
        fields.set(12, UInt32(moduleList == nil ? 0 : 1))
        fields.set(16, moduleList?.rawValue ?? 0)
        fields.set(24, commandLine.rawValue)
        fields.set(32, rsdp?.rawValue ?? 0)
        fields.set(40, memoryMap.rawValue)
        fields.set(48, UInt32(truncatingIfNeeded: memoryMapCount))
        return fields.bytes
    }

    /// `struct hvm_memmap_table_entry` for each line, 24 bytes.
    static func memoryMap(_ map: MemoryMap) -> [UInt8] {
        var fields = Fields(count: map.entries.count * 24)
        for (index, entry) in map.entries.enumerated() {
            fields.set(index * 24, entry.range.start.rawValue)
            fields.set(index * 24 + 8, entry.range.byteCount)
            fields.set(index * 24 + 16, entry.kind.rawValue)
        }
        return fields.bytes
    }

    /// `struct hvm_modlist_entry` for the initrd, 32 bytes.
    static func moduleList(_ initrd: GuestRange) -> [UInt8] {
        var fields = Fields(count: 32)
        fields.set(0, initrd.start.rawValue)
        fields.set(8, initrd.byteCount)
        return fields.bytes
    }
}
