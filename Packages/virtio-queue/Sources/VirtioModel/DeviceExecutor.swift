// SPDX-License-Identifier: Apache-2.0

/// The one thread on which a device's methods run, as other threads see it.
public protocol DeviceExecutor: AnyObject, Sendable {
    /// Runs work on the device's thread, later; in the order of the calls from one thread.
    func perform(_ work: @escaping @Sendable () -> Void)

    /// Runs work on the device's thread and waits until it is done. Called on the device's own thread, it runs at
    /// once. Work that was handed over before runs before.
    func performAndWait(_ work: @escaping @Sendable () -> Void)
}

/// Runs everything at once on the calling thread: for tests, and where one thread does everything.
public final class ImmediateExecutor: DeviceExecutor {
    /// Makes one; it has no state.
    public init() {}

    /// Runs `work` before it returns.
    public func perform(_ work: @escaping @Sendable () -> Void) { work() }

    /// Runs `work` before it returns.
    public func performAndWait(_ work: @escaping @Sendable () -> Void) { work() }
}

/// A value that belongs to a device's thread, carried through a thread that must not touch it.
///
/// A device is no `Sendable` class, on purpose. A transport keeps it in a `Confined` and opens it only inside of what
/// it gives to the device's `DeviceExecutor`; that is the promise behind `@unchecked`.
public struct Confined<Value>: @unchecked Sendable {
    /// The value; to be used on its own thread only.
    public let value: Value

    /// Wraps a value.
    public init(_ value: Value) { self.value = value }
}
