// SPDX-License-Identifier: Apache-2.0
public import Synchronization

#if _endian(big)
    #error("fields of virtio 1 rings are little-endian; only such hosts are supported")
#endif

/// Single accesses to ring fields that the driver changes at the same time. Each is one machine instruction that the
/// compiler neither repeats, merges nor drops; relaxed unless the name says otherwise.
///
/// The caller guarantees that the pointer is aligned to the field's size and mapped.
@usableFromInline
enum RingAccess {
    @inlinable @inline(__always)
    static func load16(_ pointer: UnsafeRawPointer) -> UInt16 {
        pointer.assumingMemoryBound(to: Atomic<UInt16>.self).pointee.load(ordering: .relaxed)
    }

    @inlinable @inline(__always)
    static func loadAcquire16(_ pointer: UnsafeRawPointer) -> UInt16 {
        pointer.assumingMemoryBound(to: Atomic<UInt16>.self).pointee.load(ordering: .acquiring)
    }

    @inlinable @inline(__always)
    static func load32(_ pointer: UnsafeRawPointer) -> UInt32 {
        pointer.assumingMemoryBound(to: Atomic<UInt32>.self).pointee.load(ordering: .relaxed)
    }

    @inlinable @inline(__always)
    static func load64(_ pointer: UnsafeRawPointer) -> UInt64 {
        pointer.assumingMemoryBound(to: Atomic<UInt64>.self).pointee.load(ordering: .relaxed)
    }

    @inlinable @inline(__always)
    static func store16(_ value: UInt16, _ pointer: UnsafeMutableRawPointer) {
        pointer.assumingMemoryBound(to: Atomic<UInt16>.self).pointee.store(value, ordering: .relaxed)
    }

    @inlinable @inline(__always)
    static func storeRelease16(_ value: UInt16, _ pointer: UnsafeMutableRawPointer) {
        pointer.assumingMemoryBound(to: Atomic<UInt16>.self).pointee.store(value, ordering: .releasing)
    }

    @inlinable @inline(__always)
    static func store32(_ value: UInt32, _ pointer: UnsafeMutableRawPointer) {
        pointer.assumingMemoryBound(to: Atomic<UInt32>.self).pointee.store(value, ordering: .relaxed)
    }

    /// 16 bytes at any alignment, each byte read once: for indirect tables, whose address 2.7 leaves unaligned.
    static func loadPair(_ pointer: UnsafeRawPointer) -> (UInt64, UInt64) {
        var low: UInt64 = 0
        var high: UInt64 = 0
        for index in 0..<8 {
            let first = (pointer + index).assumingMemoryBound(to: Atomic<UInt8>.self).pointee.load(ordering: .relaxed)
            let second = (pointer + index + 8).assumingMemoryBound(to: Atomic<UInt8>.self).pointee
                .load(ordering: .relaxed)
            low |= UInt64(first) << (8 * UInt64(index))
            high |= UInt64(second) << (8 * UInt64(index))
        }
        return (low, high)
    }
}

/// Where the fields of a split ring are, in bytes from the start of each part (virtio 1.2, 2.7.5, 2.7.6, 2.7.8), and
/// the flags in them.
@usableFromInline
enum SplitLayout {
    @usableFromInline static let descriptorStride = 16
    @usableFromInline static let flags = 0
    @usableFromInline static let index = 2
    @usableFromInline static let ring = 4
    @usableFromInline static let usedStride = 8

    /// VIRTQ_DESC_F_NEXT, _WRITE, _INDIRECT.
    @usableFromInline static let next: UInt16 = 1
    @usableFromInline static let write: UInt16 = 2
    @usableFromInline static let indirect: UInt16 = 4
    /// VIRTQ_AVAIL_F_NO_INTERRUPT.
    static let noInterrupt: UInt16 = 1
    /// VIRTQ_USED_F_NO_NOTIFY.
    static let noNotify: UInt16 = 1
}
