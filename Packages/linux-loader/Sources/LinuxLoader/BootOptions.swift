// SPDX-License-Identifier: Apache-2.0
public import VMMemory

/// What the caller decides about a boot; the defaults suit a PC-like machine.
public struct BootOptions: Sendable, Equatable {
    /// Which of the kernel's entries to use.
    public enum Entry: String, Sendable, Hashable, CustomStringConvertible {
        /// The 64-bit one if the base is randomised or a bzImage brought its header, else PVH where there is one.
        case automatic
        /// PVH. It rules KASLR out: that entry code uses absolute addresses.
        case pvh
        /// The 64-bit one.
        case linux64

        /// The name as it stands in messages.
        public var description: String { self == .linux64 ? "64-bit" : self == .pvh ? "PVH" : "usable" }
    }

    /// Which entry to use.
    public var entry: Entry = .automatic
    /// Where the small structures go.
    public var layout = BootLayout()
    /// Where the ACPI RSDP is; told to the kernel, which else scans low memory for it.
    public var rsdp: GuestAddress?
    /// Ranges that kernel, initrd and structures stay clear of, such as the caller's page tables.
    public var reserved: [GuestRange] = []
    /// Whether to move a relocatable kernel to a random virtual base; `nokaslr` on the command line forbids it too.
    public var randomizesBase = true

    /// The defaults.
    public init() {}
}

/// Guest physical addresses of the small structures. None of them overlaps with a GDT at 0x500 or page tables at 0x9000.
public struct BootLayout: Sendable, Equatable {
    /// `hvm_start_info`, 56 bytes.
    public var startInfo = GuestAddress(0x6000)
    /// PVH's module list, 32 bytes.
    public var moduleList = GuestAddress(0x6040)
    /// PVH's memory map, 24 bytes a line.
    public var memoryMap = GuestAddress(0x7000)
    /// `boot_params`, 4 KiB.
    public var zeroPage = GuestAddress(0x7000)
    /// The command line.
    public var commandLine = GuestAddress(0x2_0000)
    /// Where a bzImage is loaded that unpacks itself: 1 MiB, which boot.rst recommends.
    public var bzImage = GuestAddress(0x10_0000)

    /// The addresses above.
    public init() {}
}
