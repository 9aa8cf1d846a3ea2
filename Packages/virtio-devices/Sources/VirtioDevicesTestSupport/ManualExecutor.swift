// SPDX-License-Identifier: Apache-2.0
internal import Synchronization
public import VirtioModel

/// A device's thread that moves when the test says so.
public final class ManualExecutor: DeviceExecutor {
    private let waiting = Mutex<[@Sendable () -> Void]>([])

    /// Nothing is waiting.
    public init() {}

    /// Keeps the work for `run`.
    public func perform(_ work: @escaping @Sendable () -> Void) { waiting.withLock { $0.append(work) } }

    /// Runs what waits, then `work`.
    public func performAndWait(_ work: @escaping @Sendable () -> Void) {
        run()
        work()
    }

    /// How much is waiting.
    public var count: Int { waiting.withLock { $0.count } }

    /// Does the oldest piece of work.
    /// - Returns: false if there was none.
    @discardableResult
    public func runOne() -> Bool {
        guard let work = waiting.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) else { return false }
        work()
        return true
    }

    /// Does everything, and what comes of it; at most so many pieces.
    public func run(atMost limit: Int = 10_000) {
        for _ in 0..<limit where !runOne() { return }
    }
}
