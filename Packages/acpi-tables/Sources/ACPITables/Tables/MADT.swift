// SPDX-License-Identifier: Apache-2.0

/// The interrupt controllers: one entry for each processor's local APIC, for each I/O APIC, and what differs from the
/// identity between ISA interrupts and the I/O APIC's inputs (ACPI 6.5, 5.2.12).
public struct MADT: Hashable, Sendable {
    /// The guest-physical address of the local APICs.
    public var localAPICAddress: UInt32
    /// Whether there is a pair of 8259s as well, which the guest then disables.
    public var hasLegacyPICs: Bool
    /// The entries in the order of the table. Operating systems number processors in this order: the boot processor first.
    public var entries: [Entry]

    /// Describes a machine's interrupt controllers.
    public init(localAPICAddress: UInt32 = 0xFEE0_0000, hasLegacyPICs: Bool = false, entries: [Entry]) {
        self.localAPICAddress = localAPICAddress
        self.hasLegacyPICs = hasLegacyPICs
        self.entries = entries
    }

    /// Polarity and trigger mode of an interrupt input (ACPI 6.5, table 5.26).
    public struct Signal: OptionSet, Hashable, Sendable {
        /// The flags as they stand in an entry.
        public let rawValue: UInt16
        /// Wraps raw flags.
        public init(rawValue: UInt16) { self.rawValue = rawValue }
        /// As the bus has it; for ISA edge, active high.
        public static let conformsToBus: Signal = []
        /// Active high.
        public static let activeHigh = Signal(rawValue: 1)
        /// Active low.
        public static let activeLow = Signal(rawValue: 3)
        /// Edge triggered.
        public static let edge = Signal(rawValue: 1 << 2)
        /// Level triggered.
        public static let level = Signal(rawValue: 3 << 2)
    }

    /// One interrupt controller, or one fact about its inputs.
    public enum Entry: Hashable, Sendable {
        /// A processor whose APIC ID is at most 254.
        case localAPIC(processorUID: UInt8, apicID: UInt8, isEnabled: Bool)
        /// A processor with any APIC ID.
        case localX2APIC(processorUID: UInt32, x2APICID: UInt32, isEnabled: Bool)
        /// An I/O APIC and the number of its first input in the machine's count.
        case ioAPIC(id: UInt8, address: UInt32, firstInterrupt: UInt32)
        /// An ISA interrupt that is not at the input of the same number, or not edge and active high.
        case interruptSourceOverride(isaInterrupt: UInt8, globalInterrupt: UInt32, signal: Signal)
        /// A local interrupt input that is wired to NMI; processor UID 255 means all.
        case localAPICNMI(processorUID: UInt8, signal: Signal, input: UInt8)
        /// The same for x2APIC processors; processor UID 0xFFFFFFFF means all.
        case localX2APICNMI(processorUID: UInt32, signal: Signal, input: UInt8)
    }

    /// One enabled entry for each of `count` processors, whose UIDs and APIC IDs count from zero.
    ///
    /// IDs up to 254 get a local APIC entry, those above an x2APIC entry: 255 is the broadcast of the 8-bit form, and
    /// the specification keeps the x2APIC form for IDs that do not fit (ACPI 6.5, 5.2.12.12).
    public static func processors(count: UInt32) -> [Entry] {
        processors(apicIDs: 0..<count)
    }

    /// The same for processors whose APIC IDs are given: the UIDs count from zero.
    public static func processors(apicIDs: some Sequence<UInt32>) -> [Entry] {
        var entries: [Entry] = []
        var uid: UInt32 = 0
        for id in apicIDs {
            if id < 255, uid < 255 {
                entries.append(.localAPIC(processorUID: UInt8(uid), apicID: UInt8(id), isEnabled: true))
            } else {
                entries.append(.localX2APIC(processorUID: uid, x2APICID: id, isEnabled: true))
            }
            uid &+= 1
        }
        return entries
    }

    /// The table's bytes.
    public func encoded(identity: TableIdentity = .standard) -> [UInt8] {
        var writer = TableWriter(signature: "APIC", revision: 6, identity: identity)
        writer.append(localAPICAddress)
        writer.append(UInt32(hasLegacyPICs ? 1 : 0))
        for entry in entries { entry.append(to: &writer) }
        return writer.finish()
    }
}

extension MADT.Entry {
    fileprivate func append(to writer: inout TableWriter) {
        switch self {
        case .localAPIC(let processorUID, let apicID, let isEnabled):
            writer.append([0, 8, processorUID, apicID])
            writer.append(UInt32(isEnabled ? 1 : 0))
        case .localX2APIC(let processorUID, let x2APICID, let isEnabled):
            writer.append([9, 16, 0, 0])
            writer.append(x2APICID)
            writer.append(UInt32(isEnabled ? 1 : 0))
            writer.append(processorUID)
        case .ioAPIC(let id, let address, let firstInterrupt):
            writer.append([1, 12, id, 0])
            writer.append(address)
            writer.append(firstInterrupt)
        case .interruptSourceOverride(let isaInterrupt, let globalInterrupt, let signal):
            writer.append([2, 10, 0, isaInterrupt])
            writer.append(globalInterrupt)
            writer.append(signal.rawValue)
        case .localAPICNMI(let processorUID, let signal, let input):
            writer.append([4, 6, processorUID])
            writer.append(signal.rawValue)
            writer.append(input)
        case .localX2APICNMI(let processorUID, let signal, let input):
            writer.append([10, 12])
            writer.append(signal.rawValue)
            writer.append(processorUID)
            writer.append([input, 0, 0, 0])
        }
    }
}
