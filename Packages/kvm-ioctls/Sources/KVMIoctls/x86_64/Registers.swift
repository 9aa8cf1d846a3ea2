// SPDX-License-Identifier: Apache-2.0

/// The general-purpose registers (`struct kvm_regs`).
public struct Registers: KVMStructure {
    /// An integer register.
    public var rax: UInt64 = 0, rbx: UInt64 = 0, rcx: UInt64 = 0, rdx: UInt64 = 0
    /// An integer register.
    public var rsi: UInt64 = 0, rdi: UInt64 = 0, rsp: UInt64 = 0, rbp: UInt64 = 0
    /// An integer register.
    public var r8: UInt64 = 0, r9: UInt64 = 0, r10: UInt64 = 0, r11: UInt64 = 0
    /// An integer register.
    public var r12: UInt64 = 0, r13: UInt64 = 0, r14: UInt64 = 0, r15: UInt64 = 0
    /// The instruction pointer.
    public var rip: UInt64 = 0
    /// The flags; bit 1 is always set in hardware.
    public var rflags: UInt64 = 0

    /// All zero; `rflags` must become 2 at least.
    public init() {}
}

/// A segment register with its hidden part (`struct kvm_segment`).
public struct Segment: KVMStructure {
    /// The linear address of its first byte.
    public var base: UInt64 = 0
    /// The offset of its last byte, in bytes whatever `g` says.
    public var limit: UInt32 = 0
    /// The visible part.
    public var selector: UInt16 = 0
    /// The descriptor's type: 11 for code, 3 for data, 11 for a busy TSS.
    public var type: UInt8 = 0
    /// 1 if present.
    public var present: UInt8 = 0
    /// The privilege level.
    public var dpl: UInt8 = 0
    /// 1 for 32-bit operands.
    public var db: UInt8 = 0
    /// 1 for code or data, 0 for a system segment.
    public var s: UInt8 = 0
    /// 1 for 64-bit code.
    public var l: UInt8 = 0
    /// 1 if the descriptor counts its limit in pages.
    public var g: UInt8 = 0
    /// Free for the operating system.
    public var avl: UInt8 = 0
    /// 1 if it was loaded with a null selector.
    public var unusable: UInt8 = 0
    /// Unused.
    public var padding: UInt8 = 0

    /// All zero.
    public init() {}
}

/// Where a descriptor table is (`struct kvm_dtable`).
public struct DescriptorTable: KVMStructure {
    /// Its linear address.
    public var base: UInt64 = 0
    /// The offset of its last byte.
    public var limit: UInt16 = 0
    var padding: [3 of UInt16] = .init(repeating: 0)

    /// All zero.
    public init() {}
}

/// The registers that say how code runs (`struct kvm_sregs`).
public struct SpecialRegisters: KVMStructure {
    /// A segment register.
    public var cs = Segment(), ds = Segment(), es = Segment(), fs = Segment(), gs = Segment(), ss = Segment()
    /// The task register and the local descriptor table.
    public var tr = Segment(), ldt = Segment()
    /// The global and the interrupt descriptor table.
    public var gdt = DescriptorTable(), idt = DescriptorTable()
    /// A control register.
    public var cr0: UInt64 = 0, cr2: UInt64 = 0, cr3: UInt64 = 0, cr4: UInt64 = 0, cr8: UInt64 = 0
    /// The extended-feature register (long mode, no-execute).
    public var efer: UInt64 = 0
    /// Where the local APIC is, and whether it is on.
    public var apicBase: UInt64 = 0
    /// One bit for the interrupt that is being injected.
    public var interruptBitmap: [4 of UInt64] = .init(repeating: 0)

    /// All zero.
    public init() {}
}

/// `SpecialRegisters` with the page-directory pointers of PAE paging (`struct kvm_sregs2`, `KVM_CAP_SREGS2`).
public struct SpecialRegisters2: KVMStructure {
    /// A segment register.
    public var cs = Segment(), ds = Segment(), es = Segment(), fs = Segment(), gs = Segment(), ss = Segment()
    /// The task register and the local descriptor table.
    public var tr = Segment(), ldt = Segment()
    /// The global and the interrupt descriptor table.
    public var gdt = DescriptorTable(), idt = DescriptorTable()
    /// A control register.
    public var cr0: UInt64 = 0, cr2: UInt64 = 0, cr3: UInt64 = 0, cr4: UInt64 = 0, cr8: UInt64 = 0
    /// The extended-feature register (long mode, no-execute).
    public var efer: UInt64 = 0
    /// Where the local APIC is, and whether it is on.
    public var apicBase: UInt64 = 0
    /// Bit 0 (`KVM_SREGS2_FLAGS_PDPTRS_VALID`): `pageDirectoryPointers` count.
    public var flags: UInt64 = 0
    /// The four entries of PAE paging.
    public var pageDirectoryPointers: [4 of UInt64] = .init(repeating: 0)

    /// All zero.
    public init() {}
}

/// The x87 and SSE registers (`struct kvm_fpu`).
public struct FPU: KVMStructure {
    /// The x87 stack, 16 bytes a register.
    public var fpr: [128 of UInt8] = .init(repeating: 0)
    /// The control word; 0x37F is what FNINIT sets.
    public var fcw: UInt16 = 0
    /// The status word.
    public var fsw: UInt16 = 0
    /// The tag word as FXSAVE writes it.
    public var ftwx: UInt8 = 0
    var padding1: UInt8 = 0
    /// The last instruction's opcode.
    public var lastOpcode: UInt16 = 0
    /// The last instruction's address.
    public var lastIP: UInt64 = 0
    /// The last operand's address.
    public var lastDP: UInt64 = 0
    /// The SSE registers, 16 bytes each.
    public var xmm: [256 of UInt8] = .init(repeating: 0)
    /// The SSE control word. KVM neither reads nor writes it here; it is 0x1F80 after reset and travels in
    /// `VCPU.xsave`.
    public var mxcsr: UInt32 = 0
    var padding2: UInt32 = 0

    /// All zero; `fcw` must be 0x37F for a guest that expects the state after FNINIT.
    public init() {}
}

/// The debug registers (`struct kvm_debugregs`).
public struct DebugRegisters: KVMStructure {
    /// DR0 to DR3, the breakpoints' addresses.
    public var db: [4 of UInt64] = .init(repeating: 0)
    /// The status register.
    public var dr6: UInt64 = 0
    /// The control register.
    public var dr7: UInt64 = 0
    /// Must be 0.
    public var flags: UInt64 = 0
    var reserved: [9 of UInt64] = .init(repeating: 0)

    /// All zero.
    public init() {}
}

/// The extended control registers (`struct kvm_xcrs`).
public struct ExtendedControlRegisters: KVMStructure {
    /// One register (`struct kvm_xcr`).
    public struct Entry: KVMStructure {
        /// Which one; 0 is XCR0.
        public var index: UInt32 = 0
        var reserved: UInt32 = 0
        /// Its value.
        public var value: UInt64 = 0

        /// All zero.
        public init() {}
    }

    /// Entries in use.
    public var count: UInt32 = 0
    /// Must be 0.
    public var flags: UInt32 = 0
    /// The registers.
    public var entries: [16 of Entry] = .init(repeating: Entry())
    var padding: [16 of UInt64] = .init(repeating: 0)

    /// None.
    public init() {}
}
