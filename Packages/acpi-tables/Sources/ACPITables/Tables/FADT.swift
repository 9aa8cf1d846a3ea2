// SPDX-License-Identifier: Apache-2.0

/// The machine's fixed properties: power registers, what legacy hardware is missing, where the DSDT is
/// (revision 6.5; ACPI 6.5, 5.2.9).
public struct FADT: Hashable, Sendable {
    /// Which of the two register models the machine has.
    public enum Hardware: Hashable, Sendable {
        /// No fixed hardware at all: no PM1 blocks, no SCI, no PM timer; events come through devices of the namespace.
        ///
        /// Linux on x86 then also leaves the 8259 and the 8254 alone, so the guest needs a clock whose rate it is told:
        /// kvm-clock and the TSC-deadline timer.
        case reduced(SleepControl?)
        /// PM1 register blocks at I/O ports and an SCI.
        case fixed(FixedHardware)
    }

    /// What legacy hardware there is (ACPI 6.5, table 5.10). What is said to be missing is not waited for.
    public struct BootArchitecture: OptionSet, Hashable, Sendable {
        /// IAPC_BOOT_ARCH as it stands in the table.
        public let rawValue: UInt16
        /// Wraps raw flags.
        public init(rawValue: UInt16) { self.rawValue = rawValue }
        /// There are user-visible devices on an ISA or LPC bus.
        public static let legacyDevices = BootArchitecture(rawValue: 1 << 0)
        /// There is an i8042 at ports 0x60 and 0x64.
        public static let has8042 = BootArchitecture(rawValue: 1 << 1)
        /// Do not probe for VGA.
        public static let vgaNotPresent = BootArchitecture(rawValue: 1 << 2)
        /// Do not enable MSI.
        public static let msiNotSupported = BootArchitecture(rawValue: 1 << 3)
        /// Do not enable PCIe active-state power management.
        public static let noPCIeASPM = BootArchitecture(rawValue: 1 << 4)
        /// No clock at ports 0x70 and 0x71; without this flag Linux waits three seconds for one that does not answer.
        public static let cmosRTCNotPresent = BootArchitecture(rawValue: 1 << 5)
    }

    /// Fixed feature flags (ACPI 6.5, table 5.9). HW_REDUCED and RESET_REG_SUP follow from the other properties.
    public struct Flags: OptionSet, Hashable, Sendable {
        /// The flags as they stand in the table.
        public let rawValue: UInt32
        /// Wraps raw flags.
        public init(rawValue: UInt32) { self.rawValue = rawValue }
        /// WBINVD works: required on x86.
        public static let wbinvd = Flags(rawValue: 1 << 0)
        /// C1 works on all processors.
        public static let c1Supported = Flags(rawValue: 1 << 2)
        /// The power button is a device of the namespace, or there is none.
        public static let noFixedPowerButton = Flags(rawValue: 1 << 4)
        /// The sleep button is a device of the namespace, or there is none.
        public static let noFixedSleepButton = Flags(rawValue: 1 << 5)
        /// The clock's alarm is no fixed feature.
        public static let noFixedRTC = Flags(rawValue: 1 << 6)
        /// The PM timer has 32 bits.
        public static let timer32Bit = Flags(rawValue: 1 << 8)
        /// There is no display, keyboard or mouse.
        public static let headless = Flags(rawValue: 1 << 12)
        /// Logical APIC IDs come in clusters.
        public static let forceAPICCluster = Flags(rawValue: 1 << 18)
        /// Interrupts are delivered by physical APIC ID only.
        public static let forceAPICPhysical = Flags(rawValue: 1 << 19)

        static let resetRegister = Flags(rawValue: 1 << 10)
        static let hardwareReduced = Flags(rawValue: 1 << 20)
    }

    /// The register model.
    public var hardware: Hardware
    /// The register that restarts the machine, if there is one.
    public var reset: ResetRegister?
    /// What legacy hardware there is.
    public var bootArchitecture: BootArchitecture
    /// Fixed feature flags.
    public var flags: Flags
    /// Eight bytes that name the hypervisor, or zero.
    public var hypervisorVendor: UInt64

    /// Its size in bytes.
    public static let byteCount = 276

    /// Describes a machine; the default is one that has nothing legacy.
    public init(
        hardware: Hardware,
        reset: ResetRegister? = nil,
        bootArchitecture: BootArchitecture = [.vgaNotPresent, .cmosRTCNotPresent],
        flags: Flags = [.wbinvd, .c1Supported, .noFixedPowerButton, .noFixedSleepButton, .noFixedRTC],
        hypervisorVendor: UInt64 = 0
    ) {
        self.hardware = hardware
        self.reset = reset
        self.bootArchitecture = bootArchitecture
        self.flags = flags
        self.hypervisorVendor = hypervisorVendor
    }

    /// The table's bytes.
    /// - Parameters:
    ///   - dsdtAddress: where the DSDT is.
    ///   - facsAddress: where the FACS is; required with fixed hardware.
    ///   - identity: the maker's names in the table's header.
    public func encoded(
        dsdtAddress: UInt64,
        facsAddress: UInt64? = nil,
        identity: TableIdentity = .standard
    ) -> [UInt8] {
        let fixed: FixedHardware?
        let sleep: SleepControl?
        var allFlags = flags
        switch hardware {
        case .reduced(let control):
            fixed = nil
            sleep = control
            allFlags.insert(.hardwareReduced)
        case .fixed(let registers):
            fixed = registers
            sleep = nil
        }
        if reset != nil { allFlags.insert(.resetRegister) }

        var writer = TableWriter(signature: "FACP", revision: 6, identity: identity)
        // The 32-bit fields stay zero: where both are set, readers must compare them (ACPI 6.5, 5.2.9, X_DSDT).
        writer.append(UInt32(0))  // FIRMWARE_CTRL
        writer.append(UInt32(0))  // DSDT
        writer.append([0, 0])  // reserved; profile unspecified
        FixedHardware.appendLegacy(fixed, to: &writer)
        writer.append(zeros: 1)  // century
        writer.append(bootArchitecture.rawValue)
        writer.append(zeros: 1)
        writer.append(allFlags.rawValue)
        writer.append(reset?.address ?? .none)
        writer.append(reset?.value ?? 0)
        writer.append(UInt16(0))  // ARM_BOOT_ARCH
        writer.append(UInt8(5))  // minor revision: 6.5
        writer.append(facsAddress ?? 0)
        writer.append(dsdtAddress)
        FixedHardware.appendExtended(fixed, to: &writer)
        writer.append(sleep?.control ?? .none)
        writer.append(sleep?.status ?? .none)
        writer.append(hypervisorVendor)
        return writer.finish()
    }
}
