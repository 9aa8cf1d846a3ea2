// SPDX-License-Identifier: Apache-2.0

/// Where the memory-mapped PCI configuration space is (PCI Firmware Specification 3.3, 4.1.2).
public struct MCFG: Hashable, Sendable {
    /// The configuration space of one PCI segment: 1 MiB for each bus.
    public struct Allocation: Hashable, Sendable {
        /// The address that bus 0 has, or would have: the space of bus `firstBus` begins 1 MiB times `firstBus` above it.
        public var baseAddress: UInt64
        /// The PCI segment.
        public var segment: UInt16
        /// The first bus that is there.
        public var firstBus: UInt8
        /// The last bus that is there.
        public var lastBus: UInt8

        /// Describes a segment.
        public init(baseAddress: UInt64, segment: UInt16 = 0, firstBus: UInt8 = 0, lastBus: UInt8 = 0) {
            self.baseAddress = baseAddress
            self.segment = segment
            self.firstBus = firstBus
            self.lastBus = lastBus
        }
    }

    /// One for each segment.
    public var allocations: [Allocation]

    /// Describes a machine's segments.
    public init(allocations: [Allocation]) { self.allocations = allocations }

    /// The table's bytes.
    public func encoded(identity: TableIdentity = .standard) -> [UInt8] {
        var writer = TableWriter(signature: "MCFG", revision: 1, identity: identity)
        writer.append(zeros: 8)
        for allocation in allocations {
            writer.append(allocation.baseAddress)
            writer.append(allocation.segment)
            writer.append(allocation.firstBus)
            writer.append(allocation.lastBus)
            writer.append(zeros: 4)
        }
        return writer.finish()
    }
}
