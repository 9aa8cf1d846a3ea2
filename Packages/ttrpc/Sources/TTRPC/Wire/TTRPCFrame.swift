// SPDX-License-Identifier: Apache-2.0

/// One frame of a connection: ten bytes of header, and data.
public struct TTRPCFrame: Equatable, Sendable {
    /// Whose it is, and what it is.
    public var header: TTRPCFrameHeader
    /// As many bytes as the header says.
    public var data: [UInt8]

    /// A frame whose header says the length of the data; nothing checks here that a peer accepts that length.
    public init(_ kind: TTRPCFrameKind, streamID: UInt32, flags: TTRPCFrameFlags = [], data: [UInt8] = []) {
        header = TTRPCFrameHeader(
            byteCount: UInt32(clamping: data.count), streamID: streamID, kind: kind, flags: flags)
        self.data = data
    }

    init(header: TTRPCFrameHeader, data: [UInt8]) {
        self.header = header
        self.data = data
    }

    /// The bytes that go over the connection.
    public func encoded() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(TTRPCFrameHeader.byteCount + data.count)
        header.append(to: &bytes)
        bytes += data
        return bytes
    }
}

/// The header of a frame, big-endian on the wire:
/// ```
///  0  u32  bytes of data that follow        8  u8  kind
///  4  u32  stream                           9  u8  flags
/// ```
public struct TTRPCFrameHeader: Equatable, Sendable {
    /// Bytes of a header.
    public static let byteCount = 10
    /// The most bytes of data that a frame may have: 4 MiB. A receiver throws longer data away and answers
    /// ResourceExhausted on that stream.
    public static let maximumDataByteCount = 4 << 20

    /// Bytes of data that follow.
    public var dataByteCount: UInt32
    /// The stream: odd, as clients open them.
    public var streamID: UInt32
    /// What the data is.
    public var kind: TTRPCFrameKind
    /// For streams of several messages; none otherwise.
    public var flags: TTRPCFrameFlags

    /// A header of these fields.
    public init(byteCount: UInt32, streamID: UInt32, kind: TTRPCFrameKind, flags: TTRPCFrameFlags = []) {
        dataByteCount = byteCount
        self.streamID = streamID
        self.kind = kind
        self.flags = flags
    }

    /// Reads the first ten bytes; any ten bytes are a header.
    public init(parsing bytes: UnsafeRawBufferPointer) throws(TTRPCFrameError) {
        guard bytes.count >= Self.byteCount else { throw .truncated(byteCount: bytes.count, needed: Self.byteCount) }
        dataByteCount = UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt32.self))
        streamID = UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
        kind = TTRPCFrameKind(rawValue: bytes[8])
        flags = TTRPCFrameFlags(rawValue: bytes[9])
    }

    /// Changes the stream of a frame that is encoded already.
    static func set(streamID: UInt32, in frame: inout [UInt8]) {
        guard frame.count >= byteCount else { return }
        withUnsafeBytes(of: streamID.bigEndian) { frame.replaceSubrange(4..<8, with: $0) }
    }

    func append(to bytes: inout [UInt8]) {
        withUnsafeBytes(of: dataByteCount.bigEndian) { bytes.append(contentsOf: $0) }
        withUnsafeBytes(of: streamID.bigEndian) { bytes.append(contentsOf: $0) }
        bytes.append(kind.rawValue)
        bytes.append(flags.rawValue)
    }
}

/// What the data of a frame is. Frames of another kind than these are ignored by whoever gets them.
public struct TTRPCFrameKind: RawRepresentable, Hashable, Sendable {
    /// As on the wire.
    public let rawValue: UInt8
    /// Wraps any number.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// A client's `TTRPCRequest`, which begins a stream.
    public static let request = TTRPCFrameKind(rawValue: 1)
    /// A server's `TTRPCResponse`, which ends a stream.
    public static let response = TTRPCFrameKind(rawValue: 2)
    /// A message of a stream (protocol 1.2), from either side.
    public static let data = TTRPCFrameKind(rawValue: 3)
}

/// What a frame says about the two directions of its stream (protocol 1.2).
public struct TTRPCFrameFlags: OptionSet, Hashable, Sendable {
    /// As on the wire.
    public let rawValue: UInt8
    /// Wraps any bits.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// The sender sends no more after this frame.
    public static let remoteClosed = TTRPCFrameFlags(rawValue: 1)
    /// On a request: the client sends messages in data frames.
    public static let remoteOpen = TTRPCFrameFlags(rawValue: 2)
    /// There is no message in this frame, not even one of zero bytes.
    public static let noData = TTRPCFrameFlags(rawValue: 4)
}

/// Why bytes are no frame.
public enum TTRPCFrameError: Error, Equatable, CustomStringConvertible {
    /// They end inside a frame.
    case truncated(byteCount: Int, needed: Int)

    /// One line for a log.
    public var description: String {
        switch self {
        case .truncated(let count, let needed): "the bytes end inside a frame: \(count) of \(needed)"
        }
    }
}
