// SPDX-License-Identifier: Apache-2.0

/// All tables of one machine, which knows how they point at each other and lays them out in one piece.
public struct TableSet: Sendable {
    /// What all headers say about their maker.
    public var identity: TableIdentity
    /// The machine's fixed properties.
    public var fadt: FADT
    /// The terms of its DSDT: its devices.
    public var dsdt: [AMLTerm]
    /// Its interrupt controllers.
    public var madt: MADT?
    /// Its PCI configuration space.
    public var mcfg: MCFG?
    /// Its firmware console.
    public var spcr: SPCR?
    /// Further tables, encoded already, each with a whole header: SSDTs, or tables that this package does not know.
    public var others: [[UInt8]]

    /// Collects the tables of a machine.
    public init(
        fadt: FADT,
        dsdt: [AMLTerm],
        madt: MADT? = nil,
        mcfg: MCFG? = nil,
        spcr: SPCR? = nil,
        others: [[UInt8]] = [],
        identity: TableIdentity = .standard
    ) {
        self.fadt = fadt
        self.dsdt = dsdt
        self.madt = madt
        self.mcfg = mcfg
        self.spcr = spcr
        self.others = others
        self.identity = identity
    }

    /// Tables that are ready to be written into guest memory as they are.
    public struct Image: Hashable, Sendable {
        /// Where the first byte goes.
        public let address: UInt64
        /// All tables, the gaps between them zero.
        public let bytes: [UInt8]
        /// Where the root pointer is: for the zero page's `acpi_rsdp_addr` or PVH's `rsdp_paddr`. It is the first table,
        /// so a scan finds it too when the image begins between 0xE0000 and 0xFFFFF.
        public let rsdpAddress: UInt64
        /// The address of each table, by its signature, in the order of the addresses.
        public let tables: [(signature: String, address: UInt64)]

        /// Whether both hold the same bytes at the same address.
        public static func == (left: Image, right: Image) -> Bool {
            left.address == right.address && left.bytes == right.bytes
        }

        /// Hashes address and bytes.
        public func hash(into hasher: inout Hasher) {
            hasher.combine(address)
            hasher.combine(bytes)
        }
    }

    /// Lays the tables out from an address on.
    /// - Parameter address: where the image begins. It is taken up to the next multiple of 64.
    /// - Throws: `TableError` if an address overflows, or if one of `others` is no table.
    public func image(at address: UInt64) throws(TableError) -> Image {
        guard address <= UInt64.max - 63 else {
            throw TableError.addressOverflow(table: "RSDP", address: address, byteCount: RSDP.byteCount)
        }
        var layout = Layout(base: (address + 63) & ~63)
        layout.reserve(RSDP.byteCount)

        var facsAddress: UInt64?
        if case .fixed = fadt.hardware { facsAddress = try layout.place("FACS", FACS().encoded()) }
        let dsdtAddress = try layout.place("DSDT", DefinitionBlock(.dsdt, dsdt).encoded(identity: identity))
        let fadtBytes = fadt.encoded(dsdtAddress: dsdtAddress, facsAddress: facsAddress, identity: identity)
        var listed = [try layout.place("FACP", fadtBytes)]
        if let madt { listed.append(try layout.place("APIC", madt.encoded(identity: identity))) }
        if let mcfg { listed.append(try layout.place("MCFG", mcfg.encoded(identity: identity))) }
        if let spcr { listed.append(try layout.place("SPCR", spcr.encoded(identity: identity))) }
        for table in others {
            let signature = String(decoding: table.prefix(4), as: UTF8.self)
            guard table.count >= TableWriter.headerByteCount else {
                throw TableError.notATable(signature: signature, byteCount: table.count)
            }
            listed.append(try layout.place(signature, table))
        }
        let xsdt = XSDT(tableAddresses: listed).encoded(identity: identity)
        let rsdp = RSDP(xsdtAddress: try layout.place("XSDT", xsdt)).encoded(identity: identity)
        return layout.finish(rsdp: rsdp)
    }
}

/// Bytes from a base address on, each table aligned to 64: the FACS demands it, and no table shares a cache line.
private struct Layout {
    let base: UInt64
    var bytes: [UInt8] = []
    var tables: [(signature: String, address: UInt64)] = []

    init(base: UInt64) {
        self.base = base
        tables.append(("RSD PTR ", base))
    }

    mutating func reserve(_ byteCount: Int) { bytes += [UInt8](repeating: 0, count: byteCount) }

    mutating func place(_ signature: String, _ table: [UInt8]) throws(TableError) -> UInt64 {
        reserve((64 - bytes.count % 64) % 64)
        let (address, overflow) = base.addingReportingOverflow(UInt64(bytes.count))
        guard !overflow, !address.addingReportingOverflow(UInt64(table.count)).overflow else {
            throw TableError.addressOverflow(table: signature, address: base, byteCount: bytes.count + table.count)
        }
        bytes += table
        tables.append((signature, address))
        return address
    }

    consuming func finish(rsdp: [UInt8]) -> TableSet.Image {
        bytes.replaceSubrange(0..<rsdp.count, with: rsdp)
        return TableSet.Image(address: base, bytes: bytes, rsdpAddress: base, tables: tables)
    }
}
