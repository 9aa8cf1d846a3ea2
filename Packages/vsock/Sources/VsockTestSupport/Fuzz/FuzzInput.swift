// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// A fuzzer's bytes, taken from the front; zeros follow their end.
struct FuzzInput {
    private let bytes: UnsafeRawBufferPointer
    private var position = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    var isAtEnd: Bool { position >= bytes.count }

    mutating func next() -> UInt8 {
        guard position < bytes.count else { return 0 }
        defer { position += 1 }
        return bytes[position]
    }

    mutating func next<T: FixedWidthInteger & UnsignedInteger>(_ type: T.Type) -> T {
        var value: T = 0
        for index in 0..<T.bitWidth / 8 { value |= T(next()) << T(8 * index) }
        return value
    }

    mutating func next(count: Int) -> [UInt8] { (0..<count).map { _ in next() } }
}

/// Ends the process, which is how a fuzzer learns of a finding.
func fuzzFinding(_ what: String) -> Never {
    print("finding: \(what)")
    abort()
}

/// What the runs of one harness share, one run after the other: setting it up would be most of a run's time.
final class FuzzArena<Value>: @unchecked Sendable {
    private var value: Value?
    private let make: () throws -> Value
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)

    init(_ make: @escaping () throws -> Value) {
        self.make = make
        pthread_mutex_init(mutex, nil)
    }

    func withLock<Result>(_ body: (Value) throws -> Result) -> Result {
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
