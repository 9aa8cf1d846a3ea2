// SPDX-License-Identifier: Apache-2.0
// The integers of the same width as an unsigned one, through its bit pattern.

extension Int8: GuestInteger {
    @inlinable @inline(__always)
    public static func _volatileLoad(_ pointer: UnsafeRawPointer) -> Int8 {
        Int8(bitPattern: UInt8._volatileLoad(pointer))
    }
    @inlinable @inline(__always)
    public static func _volatileStore(_ value: Int8, _ pointer: UnsafeMutableRawPointer) {
        UInt8._volatileStore(UInt8(bitPattern: value), pointer)
    }
    @inlinable @inline(__always)
    public static func _atomicLoad(_ pointer: UnsafeMutableRawPointer, _ ordering: LoadOrdering) -> Int8 {
        Int8(bitPattern: UInt8._atomicLoad(pointer, ordering))
    }
    @inlinable @inline(__always)
    public static func _atomicStore(_ value: Int8, _ pointer: UnsafeMutableRawPointer, _ ordering: StoreOrdering) {
        UInt8._atomicStore(UInt8(bitPattern: value), pointer, ordering)
    }
    @inlinable @inline(__always)
    public static func _atomicExchange(_ value: Int8, _ pointer: UnsafeMutableRawPointer) -> Int8 {
        Int8(bitPattern: UInt8._atomicExchange(UInt8(bitPattern: value), pointer))
    }
    @inlinable @inline(__always)
    public static func _atomicCompareExchange(
        _ expected: Int8, _ desired: Int8, _ pointer: UnsafeMutableRawPointer
    ) -> (exchanged: Bool, original: Int8) {
        let result = UInt8._atomicCompareExchange(UInt8(bitPattern: expected), UInt8(bitPattern: desired), pointer)
        return (result.exchanged, Int8(bitPattern: result.original))
    }
    @inlinable @inline(__always)
    public static func _atomicOr(_ bits: Int8, _ pointer: UnsafeMutableRawPointer) -> Int8 {
        Int8(bitPattern: UInt8._atomicOr(UInt8(bitPattern: bits), pointer))
    }
    @inlinable @inline(__always)
    public static func _atomicAnd(_ bits: Int8, _ pointer: UnsafeMutableRawPointer) -> Int8 {
        Int8(bitPattern: UInt8._atomicAnd(UInt8(bitPattern: bits), pointer))
    }
}

extension Int16: GuestInteger {
    @inlinable @inline(__always)
    public static func _volatileLoad(_ pointer: UnsafeRawPointer) -> Int16 {
        Int16(bitPattern: UInt16._volatileLoad(pointer))
    }
    @inlinable @inline(__always)
    public static func _volatileStore(_ value: Int16, _ pointer: UnsafeMutableRawPointer) {
        UInt16._volatileStore(UInt16(bitPattern: value), pointer)
    }
    @inlinable @inline(__always)
    public static func _atomicLoad(_ pointer: UnsafeMutableRawPointer, _ ordering: LoadOrdering) -> Int16 {
        Int16(bitPattern: UInt16._atomicLoad(pointer, ordering))
    }
    @inlinable @inline(__always)
    public static func _atomicStore(_ value: Int16, _ pointer: UnsafeMutableRawPointer, _ ordering: StoreOrdering) {
        UInt16._atomicStore(UInt16(bitPattern: value), pointer, ordering)
    }
    @inlinable @inline(__always)
    public static func _atomicExchange(_ value: Int16, _ pointer: UnsafeMutableRawPointer) -> Int16 {
        Int16(bitPattern: UInt16._atomicExchange(UInt16(bitPattern: value), pointer))
    }
    @inlinable @inline(__always)
    public static func _atomicCompareExchange(
        _ expected: Int16, _ desired: Int16, _ pointer: UnsafeMutableRawPointer
    ) -> (exchanged: Bool, original: Int16) {
        let result = UInt16._atomicCompareExchange(UInt16(bitPattern: expected), UInt16(bitPattern: desired), pointer)
        return (result.exchanged, Int16(bitPattern: result.original))
    }
    @inlinable @inline(__always)
    public static func _atomicOr(_ bits: Int16, _ pointer: UnsafeMutableRawPointer) -> Int16 {
        Int16(bitPattern: UInt16._atomicOr(UInt16(bitPattern: bits), pointer))
    }
    @inlinable @inline(__always)
    public static func _atomicAnd(_ bits: Int16, _ pointer: UnsafeMutableRawPointer) -> Int16 {
        Int16(bitPattern: UInt16._atomicAnd(UInt16(bitPattern: bits), pointer))
    }
}

extension Int32: GuestInteger {
    @inlinable @inline(__always)
    public static func _volatileLoad(_ pointer: UnsafeRawPointer) -> Int32 {
        Int32(bitPattern: UInt32._volatileLoad(pointer))
    }
    @inlinable @inline(__always)
    public static func _volatileStore(_ value: Int32, _ pointer: UnsafeMutableRawPointer) {
        UInt32._volatileStore(UInt32(bitPattern: value), pointer)
    }
    @inlinable @inline(__always)
    public static func _atomicLoad(_ pointer: UnsafeMutableRawPointer, _ ordering: LoadOrdering) -> Int32 {
        Int32(bitPattern: UInt32._atomicLoad(pointer, ordering))
    }
    @inlinable @inline(__always)
    public static func _atomicStore(_ value: Int32, _ pointer: UnsafeMutableRawPointer, _ ordering: StoreOrdering) {
        UInt32._atomicStore(UInt32(bitPattern: value), pointer, ordering)
    }
    @inlinable @inline(__always)
    public static func _atomicExchange(_ value: Int32, _ pointer: UnsafeMutableRawPointer) -> Int32 {
        Int32(bitPattern: UInt32._atomicExchange(UInt32(bitPattern: value), pointer))
    }
    @inlinable @inline(__always)
    public static func _atomicCompareExchange(
        _ expected: Int32, _ desired: Int32, _ pointer: UnsafeMutableRawPointer
    ) -> (exchanged: Bool, original: Int32) {
        let result = UInt32._atomicCompareExchange(UInt32(bitPattern: expected), UInt32(bitPattern: desired), pointer)
        return (result.exchanged, Int32(bitPattern: result.original))
    }
    @inlinable @inline(__always)
    public static func _atomicOr(_ bits: Int32, _ pointer: UnsafeMutableRawPointer) -> Int32 {
        Int32(bitPattern: UInt32._atomicOr(UInt32(bitPattern: bits), pointer))
    }
    @inlinable @inline(__always)
    public static func _atomicAnd(_ bits: Int32, _ pointer: UnsafeMutableRawPointer) -> Int32 {
        Int32(bitPattern: UInt32._atomicAnd(UInt32(bitPattern: bits), pointer))
    }
}

extension Int64: GuestInteger {
    @inlinable @inline(__always)
    public static func _volatileLoad(_ pointer: UnsafeRawPointer) -> Int64 {
        Int64(bitPattern: UInt64._volatileLoad(pointer))
    }
    @inlinable @inline(__always)
    public static func _volatileStore(_ value: Int64, _ pointer: UnsafeMutableRawPointer) {
        UInt64._volatileStore(UInt64(bitPattern: value), pointer)
    }
    @inlinable @inline(__always)
    public static func _atomicLoad(_ pointer: UnsafeMutableRawPointer, _ ordering: LoadOrdering) -> Int64 {
        Int64(bitPattern: UInt64._atomicLoad(pointer, ordering))
    }
    @inlinable @inline(__always)
    public static func _atomicStore(_ value: Int64, _ pointer: UnsafeMutableRawPointer, _ ordering: StoreOrdering) {
        UInt64._atomicStore(UInt64(bitPattern: value), pointer, ordering)
    }
    @inlinable @inline(__always)
    public static func _atomicExchange(_ value: Int64, _ pointer: UnsafeMutableRawPointer) -> Int64 {
        Int64(bitPattern: UInt64._atomicExchange(UInt64(bitPattern: value), pointer))
    }
    @inlinable @inline(__always)
    public static func _atomicCompareExchange(
        _ expected: Int64, _ desired: Int64, _ pointer: UnsafeMutableRawPointer
    ) -> (exchanged: Bool, original: Int64) {
        let result = UInt64._atomicCompareExchange(UInt64(bitPattern: expected), UInt64(bitPattern: desired), pointer)
        return (result.exchanged, Int64(bitPattern: result.original))
    }
    @inlinable @inline(__always)
    public static func _atomicOr(_ bits: Int64, _ pointer: UnsafeMutableRawPointer) -> Int64 {
        Int64(bitPattern: UInt64._atomicOr(UInt64(bitPattern: bits), pointer))
    }
    @inlinable @inline(__always)
    public static func _atomicAnd(_ bits: Int64, _ pointer: UnsafeMutableRawPointer) -> Int64 {
        Int64(bitPattern: UInt64._atomicAnd(UInt64(bitPattern: bits), pointer))
    }
}

extension Int: GuestInteger {
    @inlinable @inline(__always)
    public static func _volatileLoad(_ pointer: UnsafeRawPointer) -> Int {
        Int(truncatingIfNeeded: UInt64._volatileLoad(pointer))
    }
    @inlinable @inline(__always)
    public static func _volatileStore(_ value: Int, _ pointer: UnsafeMutableRawPointer) {
        UInt64._volatileStore(UInt64(truncatingIfNeeded: value), pointer)
    }
    @inlinable @inline(__always)
    public static func _atomicLoad(_ pointer: UnsafeMutableRawPointer, _ ordering: LoadOrdering) -> Int {
        Int(truncatingIfNeeded: UInt64._atomicLoad(pointer, ordering))
    }
    @inlinable @inline(__always)
    public static func _atomicStore(_ value: Int, _ pointer: UnsafeMutableRawPointer, _ ordering: StoreOrdering) {
        UInt64._atomicStore(UInt64(truncatingIfNeeded: value), pointer, ordering)
    }
    @inlinable @inline(__always)
    public static func _atomicExchange(_ value: Int, _ pointer: UnsafeMutableRawPointer) -> Int {
        Int(truncatingIfNeeded: UInt64._atomicExchange(UInt64(truncatingIfNeeded: value), pointer))
    }
    @inlinable @inline(__always)
    public static func _atomicCompareExchange(
        _ expected: Int, _ desired: Int, _ pointer: UnsafeMutableRawPointer
    ) -> (exchanged: Bool, original: Int) {
        let result = UInt64._atomicCompareExchange(
            UInt64(truncatingIfNeeded: expected), UInt64(truncatingIfNeeded: desired), pointer)
        return (result.exchanged, Int(truncatingIfNeeded: result.original))
    }
    @inlinable @inline(__always)
    public static func _atomicOr(_ bits: Int, _ pointer: UnsafeMutableRawPointer) -> Int {
        Int(truncatingIfNeeded: UInt64._atomicOr(UInt64(truncatingIfNeeded: bits), pointer))
    }
    @inlinable @inline(__always)
    public static func _atomicAnd(_ bits: Int, _ pointer: UnsafeMutableRawPointer) -> Int {
        Int(truncatingIfNeeded: UInt64._atomicAnd(UInt64(truncatingIfNeeded: bits), pointer))
    }
}

extension UInt: GuestInteger {
    @inlinable @inline(__always)
    public static func _volatileLoad(_ pointer: UnsafeRawPointer) -> UInt {
        UInt(truncatingIfNeeded: UInt64._volatileLoad(pointer))
    }
    @inlinable @inline(__always)
    public static func _volatileStore(_ value: UInt, _ pointer: UnsafeMutableRawPointer) {
        UInt64._volatileStore(UInt64(truncatingIfNeeded: value), pointer)
    }
    @inlinable @inline(__always)
    public static func _atomicLoad(_ pointer: UnsafeMutableRawPointer, _ ordering: LoadOrdering) -> UInt {
        UInt(truncatingIfNeeded: UInt64._atomicLoad(pointer, ordering))
    }
    @inlinable @inline(__always)
    public static func _atomicStore(_ value: UInt, _ pointer: UnsafeMutableRawPointer, _ ordering: StoreOrdering) {
        UInt64._atomicStore(UInt64(truncatingIfNeeded: value), pointer, ordering)
    }
    @inlinable @inline(__always)
    public static func _atomicExchange(_ value: UInt, _ pointer: UnsafeMutableRawPointer) -> UInt {
        UInt(truncatingIfNeeded: UInt64._atomicExchange(UInt64(truncatingIfNeeded: value), pointer))
    }
    @inlinable @inline(__always)
    public static func _atomicCompareExchange(
        _ expected: UInt, _ desired: UInt, _ pointer: UnsafeMutableRawPointer
    ) -> (exchanged: Bool, original: UInt) {
        let result = UInt64._atomicCompareExchange(
            UInt64(truncatingIfNeeded: expected), UInt64(truncatingIfNeeded: desired), pointer)
        return (result.exchanged, UInt(truncatingIfNeeded: result.original))
    }
    @inlinable @inline(__always)
    public static func _atomicOr(_ bits: UInt, _ pointer: UnsafeMutableRawPointer) -> UInt {
        UInt(truncatingIfNeeded: UInt64._atomicOr(UInt64(truncatingIfNeeded: bits), pointer))
    }
    @inlinable @inline(__always)
    public static func _atomicAnd(_ bits: UInt, _ pointer: UnsafeMutableRawPointer) -> UInt {
        UInt(truncatingIfNeeded: UInt64._atomicAnd(UInt64(truncatingIfNeeded: bits), pointer))
    }
}
