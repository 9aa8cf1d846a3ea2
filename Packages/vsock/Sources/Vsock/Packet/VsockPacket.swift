// SPDX-License-Identifier: Apache-2.0
public import VirtioQueue

/// A packet that a driver sent: its header, copied out of guest memory, and where its payload is.
public struct VsockPacket {
    /// The header as it was when it was read; what the guest does to its memory afterwards changes nothing here.
    public let header: VsockHeader
    /// Exactly as many bytes as the header says, still in guest memory.
    public let payload: ChainReader

    /// Reads a packet from a chain of any layout: header and payload in one descriptor, in two, or cut anywhere
    /// (virtio 1.2, 2.6.4).
    ///
    /// Bytes behind the payload are ignored: a driver may offer a larger buffer than it filled.
    /// - Throws: what is missing. The header is in the error if it could be read.
    public init(from chain: ChainBuffers) throws(VsockPacketError) {
        var reader = chain.reader
        let available = reader.remaining
        guard let header = VsockHeader(from: &reader) else { throw .headerTooShort(byteCount: available) }
        let rest = reader.remaining
        // 5.10.6: only RW packets have a payload; a length elsewhere means nothing.
        let byteCount = header.operation == .data ? UInt64(header.payloadByteCount) : 0
        guard let payload = reader.split(byteCount) else { throw .payloadTooShort(header, available: rest) }
        self.header = header
        self.payload = payload
    }

    /// How long the payload is.
    public var payloadByteCount: UInt32 { UInt32(truncatingIfNeeded: payload.remaining) }
}

/// Why a chain holds no packet.
public enum VsockPacketError: Error, Equatable, Sendable {
    /// Fewer readable bytes than a header has.
    case headerTooShort(byteCount: UInt64)
    /// Fewer readable bytes behind the header than it says.
    case payloadTooShort(VsockHeader, available: UInt64)
}

extension VsockPacketError: CustomStringConvertible {
    /// One line.
    public var description: String {
        switch self {
        case .headerTooShort(let count): "packet of \(count) bytes, a header has \(VsockHeader.byteCount)"
        case .payloadTooShort(let header, let available):
            "payload of \(header.payloadByteCount) bytes, of which \(available) are there"
        }
    }
}
