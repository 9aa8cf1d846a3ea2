// SPDX-License-Identifier: Apache-2.0

/// Registers that the kernel leaves in the shared area at each exit, so that reading them takes no request
/// (`KVM_CAP_SYNC_REGS`).
public struct RegisterSets: OptionSet, Sendable {
    /// The bits as the kernel defines them.
    public let rawValue: UInt64
    /// Takes the kernel's bits.
    public init(rawValue: UInt64) { self.rawValue = rawValue }
    /// `Registers`.
    public static let general = RegisterSets(rawValue: 1 << 0)
    /// `SpecialRegisters`.
    public static let special = RegisterSets(rawValue: 1 << 1)
    /// `VCPUEvents`.
    public static let events = RegisterSets(rawValue: 1 << 2)
}

extension VCPU {
    /// Which sets the kernel leaves at each exit. A set that this KVM does not have makes `run()` fail with `EINVAL`:
    /// ask `check(.syncRegisters)` for the bits.
    public var synchronizedSets: RegisterSets {
        get { RegisterSets(rawValue: page.load(fromByteOffset: RunArea.Offset.validRegisters, as: UInt64.self)) }
        set { page.storeBytes(of: newValue.rawValue, toByteOffset: RunArea.Offset.validRegisters, as: UInt64.self) }
    }

    /// The general registers at the last exit, if `.general` is synchronized. Set, they are taken over by the next
    /// `run()`.
    public var synchronizedRegisters: Registers {
        get { page.load(fromByteOffset: RunArea.Offset.synchronizedRegisters, as: Registers.self) }
        set { synchronize(newValue, at: 0, .general) }
    }

    /// The special registers at the last exit, if `.special` is synchronized. Set, they are taken over by the next
    /// `run()`.
    public var synchronizedSpecialRegisters: SpecialRegisters {
        get {
            page.load(
                fromByteOffset: RunArea.Offset.synchronizedRegisters + MemoryLayout<Registers>.stride,
                as: SpecialRegisters.self)
        }
        set { synchronize(newValue, at: MemoryLayout<Registers>.stride, .special) }
    }

    /// The events at the last exit, if `.events` is synchronized. Set, they are taken over by the next `run()`.
    public var synchronizedEvents: VCPUEvents {
        get {
            page.load(
                fromByteOffset: RunArea.Offset.synchronizedRegisters + MemoryLayout<Registers>.stride
                    + MemoryLayout<SpecialRegisters>.stride,
                as: VCPUEvents.self)
        }
        set {
            synchronize(newValue, at: MemoryLayout<Registers>.stride + MemoryLayout<SpecialRegisters>.stride, .events)
        }
    }

    private func synchronize<Value: KVMStructure>(_ value: Value, at offset: Int, _ set: RegisterSets) {
        page.storeBytes(of: value, toByteOffset: RunArea.Offset.synchronizedRegisters + offset, as: Value.self)
        // The kernel clears the bits as it takes the sets over.
        let dirty = page.load(fromByteOffset: RunArea.Offset.dirtyRegisters, as: UInt64.self)
        page.storeBytes(of: dirty | set.rawValue, toByteOffset: RunArea.Offset.dirtyRegisters, as: UInt64.self)
    }

    /// Whether `run()` is to return with `.interruptWindowOpen` as soon as the guest can take an interrupt.
    public var requestsInterruptWindow: Bool {
        get { page.load(fromByteOffset: RunArea.Offset.requestInterruptWindow, as: UInt8.self) != 0 }
        set {
            page.storeBytes(of: newValue ? 1 : 0, toByteOffset: RunArea.Offset.requestInterruptWindow, as: UInt8.self)
        }
    }

    /// Whether the guest could take an interrupt at the last exit.
    public var isReadyForInterrupt: Bool {
        page.load(fromByteOffset: RunArea.Offset.readyForInterrupt, as: UInt8.self) != 0
    }

    /// The guest's interrupt flag at the last exit.
    public var interruptFlag: Bool { page.load(fromByteOffset: RunArea.Offset.interruptFlag, as: UInt8.self) != 0 }

    /// `KVM_RUN_X86_*` of the last exit: bit 0, it was in system management mode; bit 1, a bus lock came along.
    public var exitFlags: UInt16 { page.load(fromByteOffset: RunArea.Offset.flags, as: UInt16.self) }

    /// CR8 at the last exit; without an in-kernel local APIC, what is set here is taken over by the next `run()`.
    public var taskPriority: UInt64 {
        get { page.load(fromByteOffset: RunArea.Offset.cr8, as: UInt64.self) }
        set { page.storeBytes(of: newValue, toByteOffset: RunArea.Offset.cr8, as: UInt64.self) }
    }
}
