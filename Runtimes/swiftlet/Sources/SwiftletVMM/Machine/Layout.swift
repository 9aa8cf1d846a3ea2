// SPDX-License-Identifier: Apache-2.0
internal import VMMemory

/// Every address, port and interrupt of the machine that a guest sees, in one table.
enum Layout {
    // Below 1 MiB: what the boot protocols want in low memory. The first page stays free: address 0 is nobody's.
    static let gdt = GuestAddress(0x500)
    /// Linux stores its reboot mode here (the BIOS data area) before it resets the machine.
    static let rebootMode = GuestAddress(0x472)
    static let startInfo = GuestAddress(0x6000)
    static let zeroPage = GuestAddress(0x7000)
    static let bootStack = GuestAddress(0x8FF0)
    static let pageTables = GuestAddress(0x9000)
    static let commandLine = GuestAddress(0x2_0000)
    /// The root pointer must lie in 0xE0000...0xFFFFF: guests without a boot protocol scan for it there.
    static let firmwareTables = GuestAddress(0xE_0000)

    // In the gap from 3 GiB to 4 GiB that MemoryMap.pc leaves to devices.
    static let virtioBase: UInt64 = 0xC000_0000
    static let virtioStride: UInt64 = 0x1000
    static let ioapic: UInt32 = 0xFEC0_0000
    /// Three pages that Intel's processors need from KVM for real mode; no memory may be there.
    static let taskStateSegment: UInt64 = 0xFFFB_D000

    // Interrupt lines of the IOAPIC: 1 is the keyboard's and 4 is COM1's by tradition, 5 to 23 are the virtio devices'.
    static let keyboardInterrupt: UInt32 = 1
    static let serialInterrupt: UInt32 = 4
    static let firstVirtioInterrupt: UInt32 = 5
    static let interruptLineCount: UInt32 = 24
    static let maximumVirtioDevices = Int(interruptLineCount - firstVirtioInterrupt)

    // I/O ports.
    static let serialPort: UInt16 = 0x3F8
    static let keyboardData: UInt16 = 0x60
    static let keyboardCommand: UInt16 = 0x64
    static let sleepControl: UInt16 = 0x600
    static let sleepStatus: UInt16 = 0x601
    static let reset: UInt16 = 0x602
    /// What is written to `reset`, so that a stray write does not end the machine.
    static let resetValue: UInt8 = 0x52
    /// `SLP_TYP` of S5 in our tables.
    static let sleepTypeOff: UInt8 = 5

    /// As many as KVM's APIC ids of eight bits can name, less the broadcast id and the IOAPIC's.
    static let maximumCPUs = 254
}

extension Layout {
    /// Where the descriptor and page tables lie that the first vCPU starts on.
    static var bootTableRanges: [GuestRange] {
        [
            GuestRange(start: gdt, byteCount: 0x100),
            GuestRange(start: GuestAddress(bootStack.rawValue - 0x100), byteCount: 0x110),
            GuestRange(start: pageTables, byteCount: 0x6000),
        ].compactMap { $0 }
    }
}
