// SPDX-License-Identifier: Apache-2.0

/// A message of the console's control queues: `struct virtio_console_control` (virtio 1.2, 5.3.6.2).
struct ControlMessage: Equatable {
    enum Event {
        static let deviceReady: UInt16 = 0
        static let deviceAdd: UInt16 = 1
        static let deviceRemove: UInt16 = 2
        static let portReady: UInt16 = 3
        static let consolePort: UInt16 = 4
        static let resize: UInt16 = 5
        static let portOpen: UInt16 = 6
        static let portName: UInt16 = 7
    }

    /// id (4), event (2), value (2), all little endian.
    static let byteCount = 8

    var port: UInt32
    var event: UInt16
    var value: UInt16 = 0

    init(port: UInt32, event: UInt16, value: UInt16 = 0) {
        self.port = port
        self.event = event
        self.value = value
    }

    /// The message's bytes, then `payload`: a port's name or a console's size.
    func encoded(payload: [UInt8] = []) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.byteCount + payload.count)
        withUnsafeBytes(of: port.littleEndian) { bytes.append(contentsOf: $0) }
        withUnsafeBytes(of: event.littleEndian) { bytes.append(contentsOf: $0) }
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
        bytes.append(contentsOf: payload)
        return bytes
    }
}

/// The size of a console in characters.
public struct ConsoleSize: Hashable, Sendable {
    /// Characters in a row.
    public var columns: UInt16
    /// Rows on the screen.
    public var rows: UInt16

    /// A size in characters.
    public init(columns: UInt16, rows: UInt16) {
        self.columns = columns
        self.rows = rows
    }

    /// What follows a RESIZE message. Virtio 1.2, 5.3.6.2 puts columns first, but Linux reads rows first, and so does
    /// every guest in use; the configuration space has the specification's order.
    var resizePayload: [UInt8] {
        [
            UInt8(truncatingIfNeeded: rows), UInt8(truncatingIfNeeded: rows >> 8),
            UInt8(truncatingIfNeeded: columns), UInt8(truncatingIfNeeded: columns >> 8),
        ]
    }
}
