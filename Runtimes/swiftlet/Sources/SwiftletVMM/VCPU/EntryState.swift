// SPDX-License-Identifier: Apache-2.0
internal import KVMIoctls
internal import LinuxLoader
internal import VMMemory

/// The state in which the first vCPU enters a kernel; the others wait for its INIT and SIPI.
///
/// Documentation/arch/x86/boot.rst (64-bit boot protocol) and the Xen project's PVH specification say what a kernel
/// may expect.
struct EntryState {
    var registers = Registers()
    var special: SpecialRegisters

    /// - Parameter initial: the vCPU's special registers as KVM made them.
    init(_ entry: EntryPoint, initial: SpecialRegisters) throws(MachineError) {
        special = initial
        registers.rflags = 2
        registers.rip = entry.address.rawValue
        registers.rsp = Layout.bootStack.rawValue
        registers.rbp = Layout.bootStack.rawValue
        special.gdt = DescriptorTable()
        special.gdt.base = Layout.gdt.rawValue
        special.gdt.limit = UInt16(BootTables.descriptorCount * 8 - 1)
        special.idt = DescriptorTable()
        switch entry {
        case .pvh32:
            registers.rbx = Layout.startInfo.rawValue
            useSegments(code: .code(is64Bit: false))
            special.cr0 = 0x11  // PE, ET
            special.cr4 = 0
            special.efer = 0
        case .linux64:
            registers.rsi = Layout.zeroPage.rawValue
            useSegments(code: .code(is64Bit: true))
            special.cr3 = Layout.pageTables.rawValue
            special.cr4 |= 1 << 5  // PAE
            special.cr0 |= 1 << 31 | 1  // PG, PE
            special.efer |= 1 << 8 | 1 << 10  // LME, LMA
        case .arm64, .riscv64:
            throw .boot("the kernel is not for x86-64")
        }
    }

    private mutating func useSegments(code: Segment) {
        special.cs = code
        let data = Segment.data
        (special.ds, special.es, special.ss) = (data, data, data)
        (special.fs, special.gs) = (data, data)
        special.tr = .task
        special.ldt = .none
    }

    /// Applies the state.
    func apply(to vcpu: VCPU) throws(KVMError) {
        try vcpu.setSpecialRegisters(special)
        try vcpu.setRegisters(registers)
    }
}

extension Segment {
    // The selectors are what boot.rst asks for: __BOOT_CS is 0x10, __BOOT_DS 0x18.
    fileprivate static func code(is64Bit: Bool) -> Segment {
        var segment = flat(selector: 0x10, type: 0xB)
        segment.l = is64Bit ? 1 : 0
        segment.db = is64Bit ? 0 : 1
        return segment
    }

    fileprivate static var data: Segment {
        var segment = flat(selector: 0x18, type: 0x3)
        segment.db = 1
        return segment
    }

    /// A busy task state segment of the least size, without which Intel's processors do not enter a guest.
    fileprivate static var task: Segment {
        var segment = Segment()
        segment.selector = 0x20
        segment.limit = 0x67
        segment.type = 0xB
        segment.present = 1
        return segment
    }

    fileprivate static var none: Segment {
        var segment = Segment()
        segment.unusable = 1
        return segment
    }

    private static func flat(selector: UInt16, type: UInt8) -> Segment {
        var segment = Segment()
        segment.selector = selector
        segment.limit = 0xFFFF_FFFF
        segment.type = type
        segment.present = 1
        segment.s = 1
        segment.g = 1
        return segment
    }
}
