// SPDX-License-Identifier: Apache-2.0
import Glibc
import Synchronization
import VMMSysUtil

/// Something that happens once.
final class Flag: Sendable {
    private let state = Atomic(false)

    func set() { state.store(true, ordering: .releasing) }
    var isSet: Bool { state.load(ordering: .acquiring) }

    /// Waits up to ten seconds.
    @discardableResult
    func wait() -> Bool { eventually { isSet } }
}

/// Runs a body on so many threads at the same time, and waits for all.
func onThreads<Result: Sendable>(
    _ count: Int, _ body: @escaping @Sendable (Int) -> Result
) throws -> [Result?] {
    let results = Mutex([Int: Result]())
    let box = Box(results)
    for index in 0..<count {
        _ = try Thread(name: "caller", stackByteCount: 256 << 10) {
            let result = body(index)
            box.value.withLock { $0[index] = result }
        }
    }
    _ = eventually { box.value.withLock { $0.count == count } }
    return box.value.withLock { results in (0..<count).map { results[$0] } }
}

/// Shares what cannot be copied.
final class Box<Value: ~Copyable & Sendable>: Sendable {
    let value: Value
    init(_ value: consuming Value) { self.value = value }
}

/// Whether something comes true within ten seconds.
func eventually(_ condition: () -> Bool) -> Bool {
    for _ in 0..<5000 {
        if condition() { return true }
        usleep(2000)
    }
    return condition()
}

/// What a body on another thread comes to.
final class Outcome<Result: Sendable>: Sendable {
    private let result = Mutex<Result?>(nil)

    func set(_ result: Result) { self.result.withLock { $0 = result } }

    /// Waits up to ten seconds; nil if there is no result by then.
    func wait() -> Result? {
        _ = eventually { isSet }
        return result.withLock { $0 }
    }

    var isSet: Bool { result.withLock { $0 != nil } }
}

/// Runs a body on a thread of its own.
func onThread<Result: Sendable>(_ body: @escaping @Sendable () -> Result) throws -> Outcome<Result> {
    let outcome = Outcome<Result>()
    _ = try Thread(name: "test", stackByteCount: 256 << 10) { outcome.set(body()) }
    return outcome
}
