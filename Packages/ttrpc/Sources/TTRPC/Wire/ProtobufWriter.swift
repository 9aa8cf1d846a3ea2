// SPDX-License-Identifier: Apache-2.0

/// Appends protobuf fields to bytes. What has the value of an absent field is left out, as proto3 does.
struct ProtobufWriter {
    private(set) var bytes: [UInt8]

    /// Leaves room for a frame's header in front, and expects so many bytes.
    init(headerByteCount: Int = 0, capacity: Int) {
        bytes = []
        bytes.reserveCapacity(headerByteCount + capacity)
        for _ in 0..<headerByteCount { bytes.append(0) }
    }

    mutating func integer(_ field: UInt32, _ value: UInt64) {
        if value == 0 { return }
        varint(UInt64(field) << 3)
        varint(value)
    }

    mutating func string(_ field: UInt32, _ value: String, always: Bool = false) {
        if value.isEmpty, !always { return }
        varint(UInt64(field) << 3 | 2)
        varint(UInt64(value.utf8.count))
        bytes.append(contentsOf: value.utf8)
    }

    mutating func data(_ field: UInt32, _ value: [UInt8], always: Bool = false) {
        if value.isEmpty, !always { return }
        varint(UInt64(field) << 3 | 2)
        varint(UInt64(value.count))
        bytes.append(contentsOf: value)
    }

    /// Puts a header into the room that was left for it.
    consuming func finish(_ header: TTRPCFrameHeader) -> [UInt8] {
        var first: [UInt8] = []
        first.reserveCapacity(TTRPCFrameHeader.byteCount)
        header.append(to: &first)
        bytes.replaceSubrange(0..<min(first.count, bytes.count), with: first)
        return bytes
    }

    private mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }
}
