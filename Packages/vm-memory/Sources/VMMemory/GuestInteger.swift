// SPDX-License-Identifier: Apache-2.0

/// An integer that one machine access reads or writes: 1, 2, 4 or 8 bytes, in the host's byte order.
///
/// The conformances here are the only useful ones. The underscored members are the single accesses; their pointers must
/// be aligned to the integer's size.
public protocol GuestInteger: FixedWidthInteger, BitwiseCopyable, Sendable {
    /// One volatile load.
    static func _volatileLoad(_ pointer: UnsafeRawPointer) -> Self
    /// One volatile store.
    static func _volatileStore(_ value: Self, _ pointer: UnsafeMutableRawPointer)
    /// One atomic load.
    static func _atomicLoad(_ pointer: UnsafeMutableRawPointer, _ ordering: LoadOrdering) -> Self
    /// One atomic store.
    static func _atomicStore(_ value: Self, _ pointer: UnsafeMutableRawPointer, _ ordering: StoreOrdering)
    /// Sequentially consistent exchange; returns the old value.
    static func _atomicExchange(_ value: Self, _ pointer: UnsafeMutableRawPointer) -> Self
    /// Sequentially consistent compare-exchange; returns whether it exchanged, and the old value.
    static func _atomicCompareExchange(
        _ expected: Self, _ desired: Self, _ pointer: UnsafeMutableRawPointer
    ) -> (exchanged: Bool, original: Self)
    /// Sequentially consistent bitwise or; returns the old value.
    static func _atomicOr(_ bits: Self, _ pointer: UnsafeMutableRawPointer) -> Self
    /// Sequentially consistent bitwise and; returns the old value.
    static func _atomicAnd(_ bits: Self, _ pointer: UnsafeMutableRawPointer) -> Self
}

/// How an atomic load is ordered against the thread's other accesses.
@frozen
public enum LoadOrdering: Sendable {
    /// No order.
    case relaxed
    /// Later accesses stay behind it.
    case acquiring
    /// In one order with all sequentially consistent accesses.
    case sequentiallyConsistent
}

/// How an atomic store is ordered against the thread's other accesses.
@frozen
public enum StoreOrdering: Sendable {
    /// No order.
    case relaxed
    /// Earlier accesses stay before it.
    case releasing
    /// In one order with all sequentially consistent accesses.
    case sequentiallyConsistent
}
