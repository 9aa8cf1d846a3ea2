// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// Ends the process, which is how a fuzzer learns of a finding.
public func fuzzFinding(_ what: String) -> Never {
    print("finding: \(what)")
    // `abort` does not.
    fflush(nil)
    abort()
}

/// What the runs of one harness share, one run after the other: setting it up would be most of a run's time.
public final class FuzzArena<Value>: @unchecked Sendable {
    private var value: Value?
    private let make: () throws -> Value
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)

    /// Sets up at the first run what `make` gives.
    public init(_ make: @escaping () throws -> Value) {
        self.make = make
        pthread_mutex_init(mutex, nil)
    }

    /// Does one run. What it throws is the harness's own failure, and a finding.
    public func withLock<Result>(_ body: (Value) throws -> Result) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        do {
            let value = try value ?? make()
            self.value = value
            return try body(value)
        } catch {
            fuzzFinding("the harness itself: \(error)")
        }
    }
}
