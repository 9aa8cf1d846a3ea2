// SPDX-License-Identifier: Apache-2.0

/// How much may pass in which time: `size` tokens every `refillMilliseconds`.
public struct TokenRate: Equatable, Sendable {
    /// The most tokens that gather; at least 1.
    public let size: UInt64
    /// The time in which an empty bucket fills; at least 1.
    public let refillMilliseconds: UInt64
    /// Tokens that are there at the start besides, used first and never refilled.
    public let oneTimeBurst: UInt64

    /// Checks a rate.
    /// - Returns: nil if the size or the time is 0, which means "no limit".
    public init?(size: UInt64, refillMilliseconds: UInt64, oneTimeBurst: UInt64 = 0) {
        guard size > 0, refillMilliseconds > 0 else { return nil }
        self.size = size
        self.refillMilliseconds = refillMilliseconds
        self.oneTimeBurst = oneTimeBurst
    }
}

/// Tokens that fill up with time and are taken by requests. Times are nanoseconds of a clock that is never set.
///
/// A request for more than the bucket holds when full passes at once, and what it took too much is a debt: nothing else
/// passes until time has paid it. So no request is ever stuck, and over time no more passes than the rate.
public struct TokenBucket: Sendable {
    /// The rate.
    public let rate: TokenRate
    private(set) var tokens: UInt64
    private(set) var burst: UInt64
    private(set) var debt: UInt64
    /// What time has brought and is not a whole token yet, in tokens × nanoseconds; less than `refillTime`.
    private var fraction: UInt128 = 0
    private var updated: UInt64

    /// Makes a full bucket.
    public init(_ rate: TokenRate, at now: UInt64) {
        self.init(rate, tokens: rate.size, burst: rate.oneTimeBurst, debt: 0, at: now)
    }

    /// Makes one that is filled in part; the caller has checked with what.
    init(_ rate: TokenRate, tokens: UInt64, burst: UInt64, debt: UInt64, at now: UInt64) {
        self.rate = rate
        self.tokens = tokens
        self.burst = burst
        self.debt = debt
        updated = now
    }

    /// Nanoseconds, less than 2^84.
    private var refillTime: UInt128 { UInt128(rate.refillMilliseconds) &* 1_000_000 }

    /// Adds what time has brought. A clock that goes back brings nothing.
    public mutating func refill(at now: UInt64) {
        guard now > updated else { return }
        // Half of the clock's range, so that what follows fits: 2^63 × 2^64 + 2^84 < 2^128.
        let elapsed = min(now &- updated, UInt64.max >> 1)
        updated = now
        guard tokens < rate.size || debt > 0 else { return }
        let product = UInt128(elapsed) &* UInt128(rate.size) &+ fraction
        let (gained, rest) = product.quotientAndRemainder(dividingBy: refillTime)
        let paid = min(gained, UInt128(debt))
        debt &-= UInt64(paid)
        let room = rate.size &- tokens
        if gained &- paid >= UInt128(room) {
            tokens = rate.size
            fraction = 0
        } else {
            tokens &+= UInt64(gained &- paid)
            fraction = rest
        }
    }

    /// When a request may pass, if nobody else takes anything: `now` or later. `refill` comes first.
    public func admission(of count: UInt64, at now: UInt64) -> UInt64 {
        // A request of more than the bucket ever holds needs no debt, but no tokens either.
        let wanted = count &- min(count, burst)
        let needed = wanted > rate.size ? 0 : wanted
        let missing = UInt128(debt) &+ UInt128(needed &- min(needed, tokens))
        guard missing > 0 else { return now }
        let (product, overflows) = missing.multipliedReportingOverflow(by: refillTime)
        guard !overflows, product > fraction else { return overflows ? .max : now }
        // Rounded up: at that time the tokens are there.
        let (quotient, rest) = (product &- fraction).quotientAndRemainder(dividingBy: UInt128(rate.size))
        let wait = UInt64(clamping: quotient &+ (rest > 0 ? 1 : 0))
        let (time, isNever) = now.addingReportingOverflow(wait)
        return isNever ? .max : time
    }

    /// Takes tokens: of the burst first, then of the bucket; what is missing becomes a debt.
    public mutating func take(_ count: UInt64) {
        let ofBurst = min(count, burst)
        burst &-= ofBurst
        let ofTokens = min(count &- ofBurst, tokens)
        tokens &-= ofTokens
        let (sum, overflows) = debt.addingReportingOverflow(count &- ofBurst &- ofTokens)
        debt = overflows ? .max : sum
    }
}
