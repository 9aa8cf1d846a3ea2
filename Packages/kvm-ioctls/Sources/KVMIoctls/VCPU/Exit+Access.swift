// SPDX-License-Identifier: Apache-2.0

/// A guest's `OUT` or `OUTS`.
public struct PortWrite {
    /// The I/O port.
    public let port: UInt16
    /// Bytes of each access: 1, 2 or 4.
    public let width: UInt8
    /// All that was written, `width` bytes an access; more than one access for a string instruction.
    public let bytes: UnsafeRawBufferPointer

    /// Accesses in `bytes`.
    public var count: Int { bytes.count / Int(max(width, 1)) }

    /// The first access's value; the only one unless the guest used a string instruction.
    @inlinable
    public var value: UInt32 {
        guard bytes.count >= Int(width), let base = bytes.baseAddress else { return 0 }
        switch width {
        case 1: return UInt32(base.load(as: UInt8.self))
        case 2: return UInt32(base.loadUnaligned(as: UInt16.self))
        default: return base.loadUnaligned(as: UInt32.self)
        }
    }
}

/// A guest's `IN` or `INS`; what is in `bytes` at the next `run()` is what the guest gets.
public struct PortRead {
    /// The I/O port.
    public let port: UInt16
    /// Bytes of each access: 1, 2 or 4.
    public let width: UInt8
    /// Where the answer goes, `width` bytes an access. All ones at first, as on a bus where nobody answers.
    public let bytes: UnsafeMutableRawBufferPointer

    init(port: UInt16, width: UInt8, bytes: UnsafeMutableRawBufferPointer) {
        self.port = port
        self.width = width
        self.bytes = bytes
        // One access is nearly every case; a loop of it is a call to memset.
        if bytes.count == 1, let base = bytes.baseAddress {
            base.storeBytes(of: 0xFF, as: UInt8.self)
        } else {
            bytes.initializeMemory(as: UInt8.self, repeating: 0xFF)
        }
    }

    /// Accesses in `bytes`.
    public var count: Int { bytes.count / Int(max(width, 1)) }

    /// Answers the first access with the low bytes of `value`; the only access unless the guest used a string
    /// instruction.
    @inlinable
    public func answer(_ value: UInt32) {
        guard bytes.count >= Int(width), let base = bytes.baseAddress else { return }
        switch width {
        case 1: base.storeBytes(of: UInt8(truncatingIfNeeded: value), as: UInt8.self)
        case 2: base.storeBytes(of: UInt16(truncatingIfNeeded: value), as: UInt16.self)
        default: base.storeBytes(of: value, as: UInt32.self)
        }
    }
}

/// A guest's write to an address without memory.
public struct MMIOWrite {
    /// The guest physical address.
    public let address: UInt64
    /// Bytes written, 1 to 8.
    public let byteCount: UInt8
    /// What was written, little-endian; bytes beyond `byteCount` are zero.
    public let value: UInt64

    @inline(__always)
    static func mask(_ byteCount: UInt32) -> UInt64 { UInt64.max >> (64 &- UInt64(byteCount) &* 8) }
}

/// A guest's read of an address without memory.
public struct MMIORead {
    /// The guest physical address.
    public let address: UInt64
    /// Bytes wanted, 1 to 8.
    public let byteCount: UInt8
    @usableFromInline let data: UnsafeMutableRawPointer

    /// Answers with the low `byteCount` bytes, little-endian. Without an answer the guest reads all ones.
    @inlinable
    public func answer(_ value: UInt64) { data.storeBytes(of: value, as: UInt64.self) }

    /// The whole data field, of which the guest gets the first `byteCount` bytes.
    public var bytes: UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(start: data, count: min(Int(byteCount), 8))
    }
}
