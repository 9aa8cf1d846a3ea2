// SPDX-License-Identifier: Apache-2.0

/// What limits a device: bytes, requests, both or neither.
public struct RateLimits: Equatable, Sendable {
    /// Bytes of data.
    public var bandwidth: TokenRate?
    /// Requests, whatever they are.
    public var operations: TokenRate?

    /// Bundles the two; nil is no limit.
    public init(bandwidth: TokenRate? = nil, operations: TokenRate? = nil) {
        self.bandwidth = bandwidth
        self.operations = operations
    }
}

/// A change of one limit.
public enum RateChange: Equatable, Sendable {
    /// The limit stays, with what is left in its bucket.
    case keep
    /// A new limit with a full bucket; nil lifts the limit.
    case replace(TokenRate?)
}

/// Two token buckets, of bytes and of requests, that a request passes together or not at all.
public struct RateLimiter: Sendable {
    var bandwidth: TokenBucket?
    var operations: TokenBucket?

    /// Makes full buckets.
    public init(_ limits: RateLimits, at now: UInt64) {
        bandwidth = limits.bandwidth.map { TokenBucket($0, at: now) }
        operations = limits.operations.map { TokenBucket($0, at: now) }
    }

    /// The limits.
    public var limits: RateLimits { RateLimits(bandwidth: bandwidth?.rate, operations: operations?.rate) }

    /// Whether there is a limit at all.
    public var isLimited: Bool { bandwidth != nil || operations != nil }

    /// Changes one limit or both.
    public mutating func update(bandwidth: RateChange, operations: RateChange, at now: UInt64) {
        if case .replace(let rate) = bandwidth { self.bandwidth = rate.map { TokenBucket($0, at: now) } }
        if case .replace(let rate) = operations { self.operations = rate.map { TokenBucket($0, at: now) } }
    }

    /// Adds what time has brought.
    public mutating func refill(at now: UInt64) {
        bandwidth?.refill(at: now)
        operations?.refill(at: now)
    }

    /// Lets one request pass if both buckets have enough for it; else takes of neither. `refill` comes first.
    /// - Returns: nil if it passed, or the time at which to try again.
    public mutating func admit(byteCount: UInt64, at now: UInt64) -> UInt64? {
        let time = max(
            bandwidth?.admission(of: byteCount, at: now) ?? now, operations?.admission(of: 1, at: now) ?? now)
        guard time <= now else { return time }
        bandwidth?.take(byteCount)
        operations?.take(1)
        return nil
    }

    /// Takes bytes of a request that has passed already. What is missing is a debt.
    public mutating func charge(byteCount: UInt64) { bandwidth?.take(byteCount) }
}
