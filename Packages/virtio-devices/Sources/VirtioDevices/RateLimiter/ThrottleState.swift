// SPDX-License-Identifier: Apache-2.0

/// A token bucket as it is saved. Less than one token, what time had brought besides, is not kept.
public struct TokenBucketState: Equatable, Sendable {
    /// The rate; what the restored bucket's must be too.
    public var rate: TokenRate
    /// What was in the bucket.
    public var tokens: UInt64
    /// What was left of the burst.
    public var burst: UInt64
    /// What requests had taken too much.
    public var debt: UInt64

    /// Gathers saved values.
    public init(rate: TokenRate, tokens: UInt64, burst: UInt64, debt: UInt64) {
        self.rate = rate
        self.tokens = tokens
        self.burst = burst
        self.debt = debt
    }
}

/// A rate limiter as it is saved. Times are not in it: while a machine is saved its buckets do not fill.
public struct ThrottleState: Equatable, Sendable {
    /// The bucket of bytes.
    public var bandwidth: TokenBucketState?
    /// The bucket of requests.
    public var operations: TokenBucketState?

    /// Gathers saved values.
    public init(bandwidth: TokenBucketState? = nil, operations: TokenBucketState? = nil) {
        self.bandwidth = bandwidth
        self.operations = operations
    }

    /// The limits that it was saved with.
    public var limits: RateLimits { RateLimits(bandwidth: bandwidth?.rate, operations: operations?.rate) }
}

/// Why a rate limiter is not restored.
public enum ThrottleStateError: Error, Equatable, Sendable {
    /// Other limits than the device has. A state cannot lift them; change them afterwards.
    case limits(saved: RateLimits, RateLimits)
    /// More in a bucket than it holds.
    case tokens(TokenBucketState)
}

extension ThrottleStateError: CustomStringConvertible {
    /// One line.
    public var description: String {
        switch self {
        case .limits(let saved, let own): "saved with the limits \(saved), and the device has \(own)"
        case .tokens(let state): "\(state.tokens) tokens and a burst of \(state.burst) are more than \(state.rate)"
        }
    }
}

extension TokenBucket {
    /// What to save.
    public var state: TokenBucketState {
        TokenBucketState(rate: rate, tokens: tokens, burst: burst, debt: debt)
    }

    /// Makes the bucket again that was saved.
    /// - Throws: `.tokens` for one that is more than full.
    public init(_ state: TokenBucketState, at now: UInt64) throws(ThrottleStateError) {
        // Tokens gather only when no debt is left.
        guard state.tokens <= state.rate.size, state.burst <= state.rate.oneTimeBurst,
            state.tokens == 0 || state.debt == 0
        else { throw .tokens(state) }
        self.init(state.rate, tokens: state.tokens, burst: state.burst, debt: state.debt, at: now)
    }
}

extension RateLimiter {
    /// What to save.
    public var state: ThrottleState { ThrottleState(bandwidth: bandwidth?.state, operations: operations?.state) }

    /// Fills the buckets as they were.
    /// - Parameters:
    ///   - state: of the same limits.
    ///   - now: the time from which on they fill.
    public mutating func restore(_ state: ThrottleState, at now: UInt64) throws(ThrottleStateError) {
        guard state.limits == limits else { throw .limits(saved: state.limits, limits) }
        let restored: (bandwidth: TokenBucket?, operations: TokenBucket?)
        restored.bandwidth = if let state = state.bandwidth { try TokenBucket(state, at: now) } else { nil }
        restored.operations = if let state = state.operations { try TokenBucket(state, at: now) } else { nil }
        (bandwidth, operations) = restored
    }
}

extension Throttle? {
    /// What to save; no limiter is one without limits.
    var state: ThrottleState { self?.state ?? ThrottleState() }

    /// Fills the buckets as they were.
    func restore(_ state: ThrottleState) throws(ThrottleStateError) {
        guard let self else {
            guard state.limits == RateLimits() else { throw .limits(saved: state.limits, RateLimits()) }
            return
        }
        try self.restore(state)
    }
}
