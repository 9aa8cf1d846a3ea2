// SPDX-License-Identifier: Apache-2.0

/// The local APIC's register page (`struct kvm_lapic_state`).
public struct LocalAPIC: KVMStructure {
    /// The first 1,024 bytes of the page.
    public var bytes: [1024 of UInt8] = .init(repeating: 0)

    /// All zero.
    public init() {}

    /// A register by its offset in the page, such as 0x350 for LINT0.
    /// - Returns: nil if the offset is no multiple of 16 below 0x400.
    public func register(at offset: Int) -> UInt32? {
        guard offset >= 0, offset < 1024, offset % 16 == 0 else { return nil }
        return withUnsafeBytes(of: self) { $0.load(fromByteOffset: offset, as: UInt32.self) }
    }

    /// Sets a register by its offset in the page; an offset that is none is left alone.
    /// - Returns: whether there is such a register.
    @discardableResult
    public mutating func setRegister(at offset: Int, to value: UInt32) -> Bool {
        guard offset >= 0, offset < 1024, offset % 16 == 0 else { return false }
        withUnsafeMutableBytes(of: &self) { $0.storeBytes(of: value, toByteOffset: offset, as: UInt32.self) }
        return true
    }
}

/// Exceptions and interrupts under way (`struct kvm_vcpu_events`).
public struct VCPUEvents: KVMStructure {
    /// The exception that is being delivered: whether, which, and with an error code.
    public var exceptionInjected: UInt8 = 0, exceptionVector: UInt8 = 0, exceptionHasErrorCode: UInt8 = 0
    /// Whether an exception waits (`KVM_CAP_EXCEPTION_PAYLOAD`).
    public var exceptionPending: UInt8 = 0
    /// The exception's error code.
    public var exceptionErrorCode: UInt32 = 0
    /// The interrupt that is being delivered: whether, which, and by INT n.
    public var interruptInjected: UInt8 = 0, interruptVector: UInt8 = 0, interruptSoft: UInt8 = 0
    /// What holds interrupts back for one instruction: 1 after MOV SS, 2 after STI.
    public var interruptShadow: UInt8 = 0
    /// Non-maskable interrupts: one being delivered, how many wait, whether masked.
    public var nmiInjected: UInt8 = 0, nmiPending: UInt8 = 0, nmiMasked: UInt8 = 0
    var nmiPadding: UInt8 = 0
    /// The vector of a start-up message that waits.
    public var sipiVector: UInt32 = 0
    /// Which fields count when set (`KVM_VCPUEVENT_VALID_*`).
    public var flags: UInt32 = 0
    /// System management mode: in it, waiting, inside a non-maskable interrupt, INIT latched.
    public var smm: UInt8 = 0, smiPending: UInt8 = 0, smmInsideNMI: UInt8 = 0, latchedINIT: UInt8 = 0
    /// Whether a triple fault waits.
    public var tripleFaultPending: UInt8 = 0
    var reserved: [26 of UInt8] = .init(repeating: 0)
    /// Whether `exceptionPayload` counts.
    public var exceptionHasPayload: UInt8 = 0
    /// CR2 or DR6 of an exception that waits.
    public var exceptionPayload: UInt64 = 0

    /// Nothing under way.
    public init() {}
}

/// A programmable interrupt controller (`struct kvm_pic_state`).
public struct PIC: KVMStructure {
    /// The lines' last levels, requested, masked and serviced interrupts, a bit each.
    public var lastIRR: UInt8 = 0, irr: UInt8 = 0, imr: UInt8 = 0, isr: UInt8 = 0
    /// The highest priority, and the first vector.
    public var priorityAdd: UInt8 = 0, irqBase: UInt8 = 0
    /// Modes as the command words set them.
    public var readRegisterSelect: UInt8 = 0, poll: UInt8 = 0, specialMask: UInt8 = 0, initState: UInt8 = 0
    /// Modes as the command words set them.
    public var autoEOI: UInt8 = 0, rotateOnAutoEOI: UInt8 = 0, specialFullyNestedMode: UInt8 = 0, init4: UInt8 = 0
    /// Edge or level of each line, and which may be changed.
    public var elcr: UInt8 = 0, elcrMask: UInt8 = 0

    /// All zero.
    public init() {}
}

/// The IOAPIC (`struct kvm_ioapic_state`).
public struct IOAPIC: KVMStructure {
    /// Its guest physical address.
    public var baseAddress: UInt64 = 0
    /// The selected register, the id, and the pins that request an interrupt.
    public var selectedRegister: UInt32 = 0, id: UInt32 = 0, irr: UInt32 = 0
    var padding: UInt32 = 0
    /// The 24 redirection entries as the guest wrote them.
    public var redirections: [24 of UInt64] = .init(repeating: 0)

    /// All zero.
    public init() {}
}

/// One of the in-kernel interrupt controllers (`KVM_IRQCHIP_*`).
public enum InterruptControllerID: UInt32, Sendable, CaseIterable {
    /// The first PIC.
    case picMaster = 0
    /// The second PIC.
    case picSlave = 1
    /// The IOAPIC.
    case ioapic = 2
}

/// `struct kvm_irqchip`: an id and a state of 512 bytes at most.
package struct InterruptControllerState: KVMStructure {
    package var id: UInt32 = 0
    package var padding: UInt32 = 0
    package var state: [512 of UInt8] = .init(repeating: 0)

    package init() {}

    init(_ id: InterruptControllerID) { self.id = id.rawValue }

    func state<State: KVMStructure>(as type: State.Type) -> State {
        withUnsafeBytes(of: state) { State(savedBytes: UnsafeRawBufferPointer($0)) }
    }

    mutating func setState<State: KVMStructure>(_ value: State) {
        withUnsafeBytes(of: value) { source in
            withUnsafeMutableBytes(of: &state) { $0.copyMemory(from: source) }
        }
    }
}

/// The programmable interval timer (`struct kvm_pit_state2`).
public struct PIT: KVMStructure {
    /// One of its three counters (`struct kvm_pit_channel_state`).
    public struct Channel: KVMStructure {
        /// The counter's start value; 65,536 at most.
        public var count: UInt32 = 0
        /// What the latch command caught.
        public var latchedCount: UInt16 = 0, countLatched: UInt8 = 0, statusLatched: UInt8 = 0, status: UInt8 = 0
        /// How far a two-byte access has come.
        public var readState: UInt8 = 0, writeState: UInt8 = 0, writeLatch: UInt8 = 0
        /// The mode that the guest set.
        public var rwMode: UInt8 = 0, mode: UInt8 = 0, bcd: UInt8 = 0, gate: UInt8 = 0
        /// When the count was loaded, in nanoseconds of the host's monotonic clock.
        public var countLoadTime: Int64 = 0

        /// All zero.
        public init() {}
    }

    /// The three counters.
    public var channels: [3 of Channel] = .init(repeating: Channel())
    /// `KVM_PIT_FLAGS_*`.
    public var flags: UInt32 = 0
    var reserved: [9 of UInt32] = .init(repeating: 0)

    /// All zero.
    public init() {}
}
