// SPDX-License-Identifier: Apache-2.0
internal import KVMIoctls
internal import VMSuperIO
internal import VirtioDevices

/// Which device answers at which port and address. All vCPU threads use it at once; it never changes once made.
///
/// What nobody answers reads as all ones, as on a real bus, and swallows writes.
final class Bus: Sendable {
    private let serial: Serial
    private let power: PowerControl
    private let keyboard: I8042?
    private let transports: [MMIOTransport]

    init(serial: Serial, power: PowerControl, keyboard: I8042?, transports: [MMIOTransport]) {
        self.serial = serial
        self.power = power
        self.keyboard = keyboard
        self.transports = transports
    }

    /// Serves an `OUT`.
    /// - Returns: false if it ended the machine.
    func write(_ access: PortWrite) -> Bool {
        switch access.port {
        case Layout.serialPort...(Layout.serialPort + 7) where access.width == 1:
            let offset = UInt8(truncatingIfNeeded: access.port - Layout.serialPort)
            for byte in access.bytes { serial.write(offset: offset, value: byte) }
            return true
        case Layout.keyboardData...Layout.keyboardCommand where access.width == 1 && keyboard != nil:
            let offset = UInt8(truncatingIfNeeded: access.port - Layout.keyboardData)
            for byte in access.bytes { keyboard?.write(offset: offset, value: byte) }
            return true
        default:
            return power.write(access.port, UInt8(truncatingIfNeeded: access.value))
        }
    }

    /// Serves an `IN`.
    func read(_ access: PortRead) {
        switch access.port {
        case Layout.serialPort...(Layout.serialPort + 7) where access.width == 1:
            let offset = UInt8(truncatingIfNeeded: access.port - Layout.serialPort)
            for index in access.bytes.indices { access.bytes[index] = serial.read(offset: offset) }
        case Layout.keyboardData...Layout.keyboardCommand where access.width == 1 && keyboard != nil:
            let offset = UInt8(truncatingIfNeeded: access.port - Layout.keyboardData)
            for index in access.bytes.indices { access.bytes[index] = keyboard?.read(offset: offset) ?? 0xFF }
        case Layout.keyboardCommand, Layout.sleepStatus:
            // The keyboard controller's status: both buffers empty, so nobody waits to write the reset command.
            access.answer(0)
        default:
            break
        }
    }

    /// Serves a write into a virtio window.
    func write(_ access: MMIOWrite) {
        guard let (transport, offset) = window(of: access.address) else { return }
        transport.write(offset: offset, value: access.value, size: Int(access.byteCount))
    }

    /// Serves a read from a virtio window.
    func read(_ access: MMIORead) {
        guard let (transport, offset) = window(of: access.address) else { return }
        access.answer(transport.read(offset: offset, size: Int(access.byteCount)))
    }

    @inline(__always)
    private func window(of address: UInt64) -> (MMIOTransport, UInt64)? {
        let (distance, isBelow) = address.subtractingReportingOverflow(Layout.virtioBase)
        let index = distance / Layout.virtioStride
        guard !isBelow, index < UInt64(transports.count) else { return nil }
        return (transports[Int(index)], distance % Layout.virtioStride)
    }
}
