// SPDX-License-Identifier: Apache-2.0

/// The devices that a small machine is made of, each as one term for the body of a DSDT or of `\_SB`.
extension AMLTerm {
    /// A 16550 serial port, `PNP0501`.
    public static func serialPort(
        _ name: String,
        uid: UInt64,
        port: UInt16,
        interrupt: UInt32
    ) throws(AMLError) -> AMLTerm {
        try .device(
            name,
            [
                .name("_HID", .eisaID("PNP0501")),
                .name("_UID", .integer(uid)),
                .name(
                    "_CRS",
                    .resourceTemplate([.ioPorts(base: port, count: 8), .interrupt(interrupt)])
                ),
            ]
        )
    }

    /// A PS/2 keyboard at an i8042's ports 0x60 and 0x64, `PNP0303`.
    ///
    /// The FADT must say `has8042` too: Linux then skips its probe for a controller that nobody announced.
    public static func keyboard(_ name: String, interrupt: UInt32 = 1) throws(AMLError) -> AMLTerm {
        try .device(
            name,
            [
                .name("_HID", .eisaID("PNP0303")),
                .name("_STA", .integer(0x0F)),
                .name(
                    "_CRS",
                    .resourceTemplate([
                        .ioPorts(base: 0x60, count: 1), .ioPorts(base: 0x64, count: 1), .interrupt(interrupt),
                    ])
                ),
            ]
        )
    }

    /// A virtio device behind the MMIO transport, `LNRO0005`: the only way for a kernel that was built without
    /// `virtio_mmio.device=` to find one.
    public static func virtioMMIO(
        _ name: String,
        uid: UInt64,
        address: UInt32,
        byteCount: UInt32 = 0x1000,
        interrupt: UInt32
    ) throws(AMLError) -> AMLTerm {
        try .device(
            name,
            [
                .name("_HID", .string("LNRO0005")),
                .name("_UID", .integer(uid)),
                .name("_CCA", .integer(1)),  // its accesses to memory are coherent
                .name(
                    "_CRS",
                    .resourceTemplate([
                        .memory32Fixed(base: address, byteCount: byteCount), .interrupt(interrupt),
                    ])
                ),
            ]
        )
    }

    /// A processor, `ACPI0007`; its UID is the one of its MADT entry.
    public static func processor(_ name: String, uid: UInt64) throws(AMLError) -> AMLTerm {
        try .device(name, [.name("_HID", .string("ACPI0007")), .name("_UID", .integer(uid))])
    }

    /// A power button, `PNP0C0C`: notify it with 0x80 when it is pressed.
    public static func powerButton(_ name: String) throws(AMLError) -> AMLTerm {
        try .device(name, [.name("_HID", .eisaID("PNP0C0C"))])
    }

    /// One interrupt of a generic event device, and what to do when it comes.
    public struct GenericEvent: Hashable, Sendable {
        /// The I/O APIC's input, edge and active high.
        public var interrupt: UInt32
        /// Statements, most often one `notify`.
        public var handler: [AMLTerm]

        /// Pairs an interrupt with its handler.
        public init(interrupt: UInt32, handler: [AMLTerm]) {
            self.interrupt = interrupt
            self.handler = handler
        }
    }

    /// A generic event device, `ACPI0013`: how a machine with hardware-reduced ACPI raises events (ACPI 6.5, 5.6.9).
    public static func genericEventDevice(
        _ name: String,
        uid: UInt64 = 0,
        events: [GenericEvent]
    ) throws(AMLError) -> AMLTerm {
        var cases: [AMLTerm] = []
        for event in events {
            cases.append(try .if(.equal(.arg0, .integer(UInt64(event.interrupt))), event.handler))
        }
        return try .device(
            name,
            [
                .name("_HID", .string("ACPI0013")),
                .name("_UID", .integer(uid)),
                .name("_CRS", .resourceTemplate([.interrupts(events.map { $0.interrupt })])),
                .method("_EVT", argumentCount: 1, isSerialized: true, cases),
            ]
        )
    }

    /// `\_S5`: the machine can power off, by this SLP_TYP in the sleep control register, or in both PM1 control blocks.
    /// - Parameter sleepType: 0 to 7; higher bits are cut off, as the register has three.
    public static func softOff(sleepType: UInt8 = 5) throws(AMLError) -> AMLTerm {
        let value = AMLTerm.integer(UInt64(sleepType & 7))
        return try .name("\\_S5", .package([value, value, .integer(0), .integer(0)]))
    }
}
