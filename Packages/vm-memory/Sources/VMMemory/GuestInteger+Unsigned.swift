// SPDX-License-Identifier: Apache-2.0
public import CVMMemory
public import Synchronization

extension UInt8: GuestInteger {
    @inlinable @inline(__always)
    public static func _volatileLoad(_ pointer: UnsafeRawPointer) -> UInt8 { vmm_load8(pointer) }
    @inlinable @inline(__always)
    public static func _volatileStore(_ value: UInt8, _ pointer: UnsafeMutableRawPointer) { vmm_store8(pointer, value) }
    @inlinable @inline(__always)
    public static func _atomicLoad(_ pointer: UnsafeMutableRawPointer, _ ordering: LoadOrdering) -> UInt8 {
        let cell = pointer.assumingMemoryBound(to: Atomic<UInt8>.self)
        switch ordering {
        case .relaxed: return cell.pointee.load(ordering: .relaxed)
        case .acquiring: return cell.pointee.load(ordering: .acquiring)
        case .sequentiallyConsistent: return cell.pointee.load(ordering: .sequentiallyConsistent)
        }
    }
    @inlinable @inline(__always)
    public static func _atomicStore(_ value: UInt8, _ pointer: UnsafeMutableRawPointer, _ ordering: StoreOrdering) {
        let cell = pointer.assumingMemoryBound(to: Atomic<UInt8>.self)
        switch ordering {
        case .relaxed: cell.pointee.store(value, ordering: .relaxed)
        case .releasing: cell.pointee.store(value, ordering: .releasing)
        case .sequentiallyConsistent: cell.pointee.store(value, ordering: .sequentiallyConsistent)
        }
    }
    @inlinable @inline(__always)
    public static func _atomicExchange(_ value: UInt8, _ pointer: UnsafeMutableRawPointer) -> UInt8 {
        pointer.assumingMemoryBound(to: Atomic<UInt8>.self).pointee.exchange(value, ordering: .sequentiallyConsistent)
    }
    @inlinable @inline(__always)
    public static func _atomicCompareExchange(
        _ expected: UInt8, _ desired: UInt8, _ pointer: UnsafeMutableRawPointer
    ) -> (exchanged: Bool, original: UInt8) {
        pointer.assumingMemoryBound(to: Atomic<UInt8>.self).pointee
            .compareExchange(expected: expected, desired: desired, ordering: .sequentiallyConsistent)
    }
    @inlinable @inline(__always)
    public static func _atomicOr(_ bits: UInt8, _ pointer: UnsafeMutableRawPointer) -> UInt8 {
        pointer.assumingMemoryBound(to: Atomic<UInt8>.self).pointee
            .bitwiseOr(bits, ordering: .sequentiallyConsistent).oldValue
    }
    @inlinable @inline(__always)
    public static func _atomicAnd(_ bits: UInt8, _ pointer: UnsafeMutableRawPointer) -> UInt8 {
        pointer.assumingMemoryBound(to: Atomic<UInt8>.self).pointee
            .bitwiseAnd(bits, ordering: .sequentiallyConsistent).oldValue
    }
}

extension UInt16: GuestInteger {
    @inlinable @inline(__always)
    public static func _volatileLoad(_ pointer: UnsafeRawPointer) -> UInt16 { vmm_load16(pointer) }
    @inlinable @inline(__always)
    public static func _volatileStore(_ value: UInt16, _ pointer: UnsafeMutableRawPointer) {
        vmm_store16(pointer, value)
    }
    @inlinable @inline(__always)
    public static func _atomicLoad(_ pointer: UnsafeMutableRawPointer, _ ordering: LoadOrdering) -> UInt16 {
        let cell = pointer.assumingMemoryBound(to: Atomic<UInt16>.self)
        switch ordering {
        case .relaxed: return cell.pointee.load(ordering: .relaxed)
        case .acquiring: return cell.pointee.load(ordering: .acquiring)
        case .sequentiallyConsistent: return cell.pointee.load(ordering: .sequentiallyConsistent)
        }
    }
    @inlinable @inline(__always)
    public static func _atomicStore(_ value: UInt16, _ pointer: UnsafeMutableRawPointer, _ ordering: StoreOrdering) {
        let cell = pointer.assumingMemoryBound(to: Atomic<UInt16>.self)
        switch ordering {
        case .relaxed: cell.pointee.store(value, ordering: .relaxed)
        case .releasing: cell.pointee.store(value, ordering: .releasing)
        case .sequentiallyConsistent: cell.pointee.store(value, ordering: .sequentiallyConsistent)
        }
    }
    @inlinable @inline(__always)
    public static func _atomicExchange(_ value: UInt16, _ pointer: UnsafeMutableRawPointer) -> UInt16 {
        pointer.assumingMemoryBound(to: Atomic<UInt16>.self).pointee.exchange(value, ordering: .sequentiallyConsistent)
    }
    @inlinable @inline(__always)
    public static func _atomicCompareExchange(
        _ expected: UInt16, _ desired: UInt16, _ pointer: UnsafeMutableRawPointer
    ) -> (exchanged: Bool, original: UInt16) {
        pointer.assumingMemoryBound(to: Atomic<UInt16>.self).pointee
            .compareExchange(expected: expected, desired: desired, ordering: .sequentiallyConsistent)
    }
    @inlinable @inline(__always)
    public static func _atomicOr(_ bits: UInt16, _ pointer: UnsafeMutableRawPointer) -> UInt16 {
        pointer.assumingMemoryBound(to: Atomic<UInt16>.self).pointee
            .bitwiseOr(bits, ordering: .sequentiallyConsistent).oldValue
    }
    @inlinable @inline(__always)
    public static func _atomicAnd(_ bits: UInt16, _ pointer: UnsafeMutableRawPointer) -> UInt16 {
        pointer.assumingMemoryBound(to: Atomic<UInt16>.self).pointee
            .bitwiseAnd(bits, ordering: .sequentiallyConsistent).oldValue
    }
}

extension UInt32: GuestInteger {
    @inlinable @inline(__always)
    public static func _volatileLoad(_ pointer: UnsafeRawPointer) -> UInt32 { vmm_load32(pointer) }
    @inlinable @inline(__always)
    public static func _volatileStore(_ value: UInt32, _ pointer: UnsafeMutableRawPointer) {
        vmm_store32(pointer, value)
    }
    @inlinable @inline(__always)
    public static func _atomicLoad(_ pointer: UnsafeMutableRawPointer, _ ordering: LoadOrdering) -> UInt32 {
        let cell = pointer.assumingMemoryBound(to: Atomic<UInt32>.self)
        switch ordering {
        case .relaxed: return cell.pointee.load(ordering: .relaxed)
        case .acquiring: return cell.pointee.load(ordering: .acquiring)
        case .sequentiallyConsistent: return cell.pointee.load(ordering: .sequentiallyConsistent)
        }
    }
    @inlinable @inline(__always)
    public static func _atomicStore(_ value: UInt32, _ pointer: UnsafeMutableRawPointer, _ ordering: StoreOrdering) {
        let cell = pointer.assumingMemoryBound(to: Atomic<UInt32>.self)
        switch ordering {
        case .relaxed: cell.pointee.store(value, ordering: .relaxed)
        case .releasing: cell.pointee.store(value, ordering: .releasing)
        case .sequentiallyConsistent: cell.pointee.store(value, ordering: .sequentiallyConsistent)
        }
    }
    @inlinable @inline(__always)
    public static func _atomicExchange(_ value: UInt32, _ pointer: UnsafeMutableRawPointer) -> UInt32 {
        pointer.assumingMemoryBound(to: Atomic<UInt32>.self).pointee.exchange(value, ordering: .sequentiallyConsistent)
    }
    @inlinable @inline(__always)
    public static func _atomicCompareExchange(
        _ expected: UInt32, _ desired: UInt32, _ pointer: UnsafeMutableRawPointer
    ) -> (exchanged: Bool, original: UInt32) {
        pointer.assumingMemoryBound(to: Atomic<UInt32>.self).pointee
            .compareExchange(expected: expected, desired: desired, ordering: .sequentiallyConsistent)
    }
    @inlinable @inline(__always)
    public static func _atomicOr(_ bits: UInt32, _ pointer: UnsafeMutableRawPointer) -> UInt32 {
        pointer.assumingMemoryBound(to: Atomic<UInt32>.self).pointee
            .bitwiseOr(bits, ordering: .sequentiallyConsistent).oldValue
    }
    @inlinable @inline(__always)
    public static func _atomicAnd(_ bits: UInt32, _ pointer: UnsafeMutableRawPointer) -> UInt32 {
        pointer.assumingMemoryBound(to: Atomic<UInt32>.self).pointee
            .bitwiseAnd(bits, ordering: .sequentiallyConsistent).oldValue
    }
}

extension UInt64: GuestInteger {
    @inlinable @inline(__always)
    public static func _volatileLoad(_ pointer: UnsafeRawPointer) -> UInt64 { vmm_load64(pointer) }
    @inlinable @inline(__always)
    public static func _volatileStore(_ value: UInt64, _ pointer: UnsafeMutableRawPointer) {
        vmm_store64(pointer, value)
    }
    @inlinable @inline(__always)
    public static func _atomicLoad(_ pointer: UnsafeMutableRawPointer, _ ordering: LoadOrdering) -> UInt64 {
        let cell = pointer.assumingMemoryBound(to: Atomic<UInt64>.self)
        switch ordering {
        case .relaxed: return cell.pointee.load(ordering: .relaxed)
        case .acquiring: return cell.pointee.load(ordering: .acquiring)
        case .sequentiallyConsistent: return cell.pointee.load(ordering: .sequentiallyConsistent)
        }
    }
    @inlinable @inline(__always)
    public static func _atomicStore(_ value: UInt64, _ pointer: UnsafeMutableRawPointer, _ ordering: StoreOrdering) {
        let cell = pointer.assumingMemoryBound(to: Atomic<UInt64>.self)
        switch ordering {
        case .relaxed: cell.pointee.store(value, ordering: .relaxed)
        case .releasing: cell.pointee.store(value, ordering: .releasing)
        case .sequentiallyConsistent: cell.pointee.store(value, ordering: .sequentiallyConsistent)
        }
    }
    @inlinable @inline(__always)
    public static func _atomicExchange(_ value: UInt64, _ pointer: UnsafeMutableRawPointer) -> UInt64 {
        pointer.assumingMemoryBound(to: Atomic<UInt64>.self).pointee.exchange(value, ordering: .sequentiallyConsistent)
    }
    @inlinable @inline(__always)
    public static func _atomicCompareExchange(
        _ expected: UInt64, _ desired: UInt64, _ pointer: UnsafeMutableRawPointer
    ) -> (exchanged: Bool, original: UInt64) {
        pointer.assumingMemoryBound(to: Atomic<UInt64>.self).pointee
            .compareExchange(expected: expected, desired: desired, ordering: .sequentiallyConsistent)
    }
    @inlinable @inline(__always)
    public static func _atomicOr(_ bits: UInt64, _ pointer: UnsafeMutableRawPointer) -> UInt64 {
        pointer.assumingMemoryBound(to: Atomic<UInt64>.self).pointee
            .bitwiseOr(bits, ordering: .sequentiallyConsistent).oldValue
    }
    @inlinable @inline(__always)
    public static func _atomicAnd(_ bits: UInt64, _ pointer: UnsafeMutableRawPointer) -> UInt64 {
        pointer.assumingMemoryBound(to: Atomic<UInt64>.self).pointee
            .bitwiseAnd(bits, ordering: .sequentiallyConsistent).oldValue
    }
}
