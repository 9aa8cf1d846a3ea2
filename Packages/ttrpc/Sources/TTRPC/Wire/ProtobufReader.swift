// SPDX-License-Identifier: Apache-2.0

/// Reads the fields of one protobuf message, in order. Unknown fields cost nothing but the time to step over them.
struct ProtobufReader {
    /// A field's value. Fixed-width ones and groups are stepped over: no envelope has any.
    enum Value {
        case integer(UInt64)
        case bytes(UnsafeRawBufferPointer)
        case skipped
    }

    private enum WireType: UInt64 {
        case integer = 0
        case fixed64 = 1
        case bytes = 2
        case groupBegin = 3
        case groupEnd = 4
        case fixed32 = 5
    }

    /// How deep unknown groups may lie in each other.
    private static let maximumDepth = 64

    private let bytes: UnsafeRawBufferPointer
    private var position = 0
    /// Where the message begins in the outermost one, for errors.
    private let base: Int

    init(_ bytes: UnsafeRawBufferPointer, base: Int = 0) {
        self.bytes = bytes
        self.base = base
    }

    /// The offset of the next byte, for errors.
    var offset: Int { base + position }

    /// The next field, or nil at the end.
    mutating func next() throws(TTRPCEnvelopeError) -> (field: UInt64, value: Value)? {
        guard position < bytes.count else { return nil }
        let begin = offset
        let (field, type) = try tag()
        switch type {
        case .integer: return (field, .integer(try integer()))
        case .bytes: return (field, .bytes(try lengthDelimited()))
        case .fixed32: try skip(4)
        case .fixed64: try skip(8)
        case .groupBegin: try skipGroup(field)
        case .groupEnd: throw .malformedGroup(offset: begin)
        }
        return (field, .skipped)
    }

    /// A reader of a message that lies in this one.
    func inner(_ message: UnsafeRawBufferPointer) -> ProtobufReader {
        ProtobufReader(message, base: offset - message.count)
    }

    /// The text of a field of bytes, the one read last.
    func string(_ value: UnsafeRawBufferPointer) throws(TTRPCEnvelopeError) -> String {
        guard let text = String(validating: value, as: UTF8.self) else {
            throw .malformedString(offset: offset - value.count)
        }
        return text
    }

    private mutating func tag() throws(TTRPCEnvelopeError) -> (UInt64, WireType) {
        let begin = offset
        let tag = try integer()
        guard let type = WireType(rawValue: tag & 7), (1...0x1FFF_FFFF).contains(tag >> 3) else {
            throw .malformedTag(offset: begin)
        }
        return (tag >> 3, type)
    }

    private mutating func integer() throws(TTRPCEnvelopeError) -> UInt64 {
        let begin = offset
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            // The tenth byte has room for the 64th bit only.
            if shift == 63, byte > 1 { throw .malformedInteger(offset: begin) }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
        throw .truncated(offset: begin)
    }

    private mutating func lengthDelimited() throws(TTRPCEnvelopeError) -> UnsafeRawBufferPointer {
        let begin = offset
        guard let count = Int(exactly: try integer()), count <= bytes.count - position else {
            throw .truncated(offset: begin)
        }
        defer { position += count }
        return UnsafeRawBufferPointer(rebasing: bytes[position..<position + count])
    }

    private mutating func skip(_ count: Int) throws(TTRPCEnvelopeError) {
        guard count <= bytes.count - position else { throw .truncated(offset: offset) }
        position += count
    }

    private mutating func skipGroup(_ outermost: UInt64) throws(TTRPCEnvelopeError) {
        var open = [outermost]
        while let innermost = open.last {
            let begin = offset
            guard position < bytes.count else { throw .truncated(offset: begin) }
            let (field, type) = try tag()
            switch type {
            case .integer: _ = try integer()
            case .bytes: _ = try lengthDelimited()
            case .fixed32: try skip(4)
            case .fixed64: try skip(8)
            case .groupBegin:
                guard open.count < Self.maximumDepth else { throw .malformedGroup(offset: begin) }
                open.append(field)
            case .groupEnd:
                guard field == innermost else { throw .malformedGroup(offset: begin) }
                open.removeLast()
            }
        }
    }
}
