// SPDX-License-Identifier: Apache-2.0

/// One resource of a device, as `_CRS` lists them (ACPI 6.5, 6.4).
public struct ResourceDescriptor: Hashable, Sendable {
    /// The descriptor's bytes.
    public let encoded: [UInt8]

    private init(_ writer: TableWriter) { encoded = writer.bytes }

    /// Memory at a fixed address below 4 GiB.
    public static func memory32Fixed(
        base: UInt32,
        byteCount: UInt32,
        isWritable: Bool = true
    ) throws(AMLError) -> ResourceDescriptor {
        guard byteCount > 0, !base.addingReportingOverflow(byteCount - 1).overflow else {
            throw AMLError.badRange(base: UInt64(base), byteCount: UInt64(byteCount))
        }
        var writer = TableWriter()
        writer.append([0x86, 0x09, 0x00, isWritable ? 1 : 0])
        writer.append(base)
        writer.append(byteCount)
        return ResourceDescriptor(writer)
    }

    /// Memory at a fixed address anywhere: a consumer's own range, not cached, both ends fixed.
    public static func memory64(
        base: UInt64,
        byteCount: UInt64,
        isWritable: Bool = true,
        isCacheable: Bool = false
    ) throws(AMLError) -> ResourceDescriptor {
        let (last, overflow) = base.addingReportingOverflow(byteCount &- 1)
        guard byteCount > 0, !overflow else { throw AMLError.badRange(base: base, byteCount: byteCount) }
        var writer = TableWriter()
        writer.append([0x8A, 0x2B, 0x00, 0x00, 0x0D, (isWritable ? 1 : 0) | (isCacheable ? 2 : 0)])
        writer.append(UInt64(0))  // granularity: any
        writer.append(base)
        writer.append(last)
        writer.append(UInt64(0))  // no translation
        writer.append(byteCount)
        return ResourceDescriptor(writer)
    }

    /// I/O ports at a fixed address; the device decodes all 16 bits.
    public static func ioPorts(base: UInt16, count: UInt8) throws(AMLError) -> ResourceDescriptor {
        guard count > 0, !base.addingReportingOverflow(UInt16(count) - 1).overflow else {
            throw AMLError.badRange(base: UInt64(base), byteCount: UInt64(count))
        }
        var writer = TableWriter()
        writer.append([0x47, 0x01])
        writer.append(base)
        writer.append(base)
        writer.append([0x01, count])
        return ResourceDescriptor(writer)
    }

    /// How an interrupt is raised.
    public struct Signal: OptionSet, Hashable, Sendable {
        /// The flags of an extended interrupt descriptor.
        public let rawValue: UInt8
        /// Wraps raw flags.
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        /// On the edge; else for as long as the level lasts.
        public static let edge = Signal(rawValue: 1 << 1)
        /// Active low; else active high.
        public static let activeLow = Signal(rawValue: 1 << 2)
        /// Others may be at the same input; else it is exclusive.
        public static let shared = Signal(rawValue: 1 << 3)
        /// It can wake the system.
        public static let wake = Signal(rawValue: 1 << 4)
    }

    /// Inputs of the I/O APICs, in the machine's count; edge and active high unless said otherwise.
    public static func interrupts(
        _ numbers: [UInt32],
        signal: Signal = .edge
    ) throws(AMLError) -> ResourceDescriptor {
        guard let count = UInt8(exactly: numbers.count), count > 0 else {
            throw AMLError.badInterruptCount(numbers.count)
        }
        var writer = TableWriter()
        writer.append(UInt8(0x89))
        writer.append(UInt16(2 + 4 * UInt16(count)))
        writer.append([signal.rawValue | 1, count])  // bit 0: the device consumes it
        for number in numbers { writer.append(number) }
        return ResourceDescriptor(writer)
    }

    /// One input of an I/O APIC; edge and active high unless said otherwise.
    public static func interrupt(
        _ number: UInt32,
        signal: Signal = .edge
    ) throws(AMLError) -> ResourceDescriptor {
        try interrupts([number], signal: signal)
    }

    /// An ISA interrupt, edge and active high, not shared: the short form without flags.
    public static func isaInterrupt(_ number: UInt32) throws(AMLError) -> ResourceDescriptor {
        guard number < 16 else { throw AMLError.badInterrupt(number) }
        var writer = TableWriter()
        writer.append(UInt8(0x22))
        writer.append(UInt16(1) << UInt16(number))
        return ResourceDescriptor(writer)
    }
}
