// SPDX-License-Identifier: Apache-2.0
internal import VirtioQueue

extension VirtioFeatures {
    /// VIRTIO_CONSOLE_F_SIZE (virtio 1.2, 5.3.3): columns and rows are valid.
    static let consoleSize = bit(0)
    /// VIRTIO_CONSOLE_F_MULTIPORT: more than one port, and control queues.
    static let consoleMultiport = bit(1)
    /// VIRTIO_CONSOLE_F_EMERG_WRITE: a character can be written through the configuration space.
    static let consoleEmergencyWrite = bit(2)
}

/// The configuration space of a console: `struct virtio_console_config` (virtio 1.2, 5.3.4).
struct ConsoleConfigSpace {
    static let emergencyWriteOffset = 8

    var size: ConsoleSize
    var portCount: UInt32

    /// cols (2), rows (2), max_nr_ports (4), emerg_wr (4).
    var bytes: [UInt8] {
        var bytes: [UInt8] = []
        withUnsafeBytes(of: size.columns.littleEndian) { bytes.append(contentsOf: $0) }
        withUnsafeBytes(of: size.rows.littleEndian) { bytes.append(contentsOf: $0) }
        withUnsafeBytes(of: portCount.littleEndian) { bytes.append(contentsOf: $0) }
        bytes.append(contentsOf: [0, 0, 0, 0])
        return bytes
    }
}
