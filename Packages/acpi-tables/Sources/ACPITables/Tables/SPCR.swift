// SPDX-License-Identifier: Apache-2.0

/// The serial port that the firmware's console is on, so that a guest may use it without being told
/// (Serial Port Console Redirection table, revision 2): Linux enables it with `earlycon` or `console=` alone.
public struct SPCR: Hashable, Sendable {
    /// The first register of a 16550.
    public var registers: GenericAddress
    /// Its ISA interrupt, 0 to 15.
    public var isaInterrupt: UInt8
    /// Its number at the I/O APIC.
    public var globalInterrupt: UInt32
    /// The line's speed.
    public var speed: Speed

    /// Line speeds that the table knows.
    public enum Speed: UInt8, Sendable {
        /// As it is set already.
        case asConfigured = 0
        /// 9,600 bits a second.
        case baud9600 = 3
        /// 19,200 bits a second.
        case baud19200 = 4
        /// 57,600 bits a second.
        case baud57600 = 6
        /// 115,200 bits a second.
        case baud115200 = 7
    }

    /// Describes a 16550 at I/O ports.
    public init(port: UInt16, isaInterrupt: UInt8, globalInterrupt: UInt32, speed: Speed = .baud115200) {
        registers = .ioPort(port)
        self.isaInterrupt = isaInterrupt
        self.globalInterrupt = globalInterrupt
        self.speed = speed
    }

    /// The table's bytes.
    public func encoded(identity: TableIdentity = .standard) -> [UInt8] {
        var writer = TableWriter(signature: "SPCR", revision: 2, identity: identity)
        writer.append([0, 0, 0, 0])  // full 16550 interface
        writer.append(registers)
        writer.append(UInt8(3))  // interrupts through 8259 and I/O APIC
        writer.append(isaInterrupt)
        writer.append(globalInterrupt)
        writer.append(speed.rawValue)
        writer.append([0, 1, 0])  // no parity, one stop bit, no flow control
        writer.append([3, 0])  // ANSI terminal
        writer.append(UInt32(0xFFFF_FFFF))  // not a PCI device
        writer.append(zeros: 12)
        return writer.finish()
    }
}
