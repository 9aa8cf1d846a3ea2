// SPDX-License-Identifier: Apache-2.0
// The bits of the 16550A's registers, by the names of its data sheet (National Semiconductor PC16550D, section 8).

/// Interrupt enable.
enum IER {
    static let received: UInt8 = 0x01
    static let transmitterEmpty: UInt8 = 0x02
    static let lineStatus: UInt8 = 0x04
    static let modemStatus: UInt8 = 0x08
    /// The upper half reads as zero: by that Linux tells a UART from an empty port.
    static let all: UInt8 = 0x0F
}

/// Interrupt identification.
enum IIR {
    static let none: UInt8 = 0x01
    static let lineStatus: UInt8 = 0x06
    static let received: UInt8 = 0x04
    static let transmitterEmpty: UInt8 = 0x02
    static let modemStatus: UInt8 = 0x00
    /// Both bits: FIFOs that work, which makes it a 16550A.
    static let fifosEnabled: UInt8 = 0xC0
}

/// FIFO control.
enum FCR {
    static let enable: UInt8 = 0x01
    static let resetReceiver: UInt8 = 0x02
    static let resets: UInt8 = 0x06
}

/// Line control.
enum LCR {
    static let eightBits: UInt8 = 0x03
    static let divisorLatch: UInt8 = 0x80
}

/// Modem control.
enum MCR {
    static let dataTerminalReady: UInt8 = 0x01
    static let requestToSend: UInt8 = 0x02
    static let out1: UInt8 = 0x04
    static let out2: UInt8 = 0x08
    static let loopback: UInt8 = 0x10
    static let all: UInt8 = 0x1F

    /// What loopback wires to the modem status inputs: RTS to CTS, DTR to DSR, OUT1 to RI, OUT2 to DCD.
    static func loopedLines(_ control: UInt8) -> UInt8 {
        (control & requestToSend) << 3 | (control & dataTerminalReady) << 5 | (control & (out1 | out2)) << 4
    }
}

/// Line status.
enum LSR {
    static let dataReady: UInt8 = 0x01
    static let overrun: UInt8 = 0x02
    /// Overrun, parity, framing, break: shown once.
    static let errors: UInt8 = 0x1E
    /// Holding register and shift register: here always, as a byte is gone when the write returns.
    static let transmitterEmpty: UInt8 = 0x60
}

/// Modem status.
enum MSR {
    static let changes: UInt8 = 0x0F
    static let ringing: UInt8 = 0x40
    /// CTS, DSR and DCD: the other end is there and ready.
    static let connected: UInt8 = 0xB0
}
