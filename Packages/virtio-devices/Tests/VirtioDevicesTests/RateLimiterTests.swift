// SPDX-License-Identifier: Apache-2.0
import Testing
import VirtioDevices
import VirtioQueueTestSupport

@Suite struct RateLimiterTests {
    private static let millisecond: UInt64 = 1_000_000

    private func rate(_ size: UInt64, _ milliseconds: UInt64, burst: UInt64 = 0) throws -> TokenRate {
        try #require(TokenRate(size: size, refillMilliseconds: milliseconds, oneTimeBurst: burst))
    }

    @Test("a size or a refill time of 0 is no limit")
    func disabled() {
        #expect(TokenRate(size: 0, refillMilliseconds: 100) == nil)
        #expect(TokenRate(size: 100, refillMilliseconds: 0) == nil)
        #expect(TokenRate(size: 0, refillMilliseconds: 0, oneTimeBurst: 5) == nil)
        var limiter = RateLimiter(RateLimits(), at: 0)
        #expect(!limiter.isLimited)
        #expect(limiter.admit(byteCount: .max, at: 0) == nil)
    }

    @Test("the time to try again is the first at which the tokens are there")
    func exactTime() throws {
        // A token every 333,333.3 ns.
        var limiter = RateLimiter(RateLimits(operations: try rate(3, 1)), at: 0)
        for _ in 0..<3 { #expect(limiter.admit(byteCount: 0, at: 0) == nil) }
        for time in [333_334, 666_667, 1_000_000, 1_333_334] as [UInt64] {
            limiter.refill(at: time - 1)
            #expect(limiter.admit(byteCount: 0, at: time - 1) == time)
            limiter.refill(at: time)
            #expect(limiter.admit(byteCount: 0, at: time) == nil)
        }
    }

    @Test("the burst is used first and never comes back; a bucket never holds more than its size")
    func burst() throws {
        var limiter = RateLimiter(RateLimits(bandwidth: try rate(100, 100, burst: 50)), at: 0)
        #expect(limiter.admit(byteCount: 40, at: 0) == nil)
        limiter.refill(at: 1000 * Self.millisecond)
        #expect(limiter.admit(byteCount: 110, at: 1000 * Self.millisecond) == nil)
        #expect(
            limiter.admit(byteCount: 1, at: 1000 * Self.millisecond) == 1001 * Self.millisecond)
        limiter.refill(at: 9000 * Self.millisecond)
        #expect(limiter.admit(byteCount: 100, at: 9000 * Self.millisecond) == nil)
        #expect(limiter.admit(byteCount: 1, at: 9000 * Self.millisecond) != nil)
    }

    @Test("a request of more than the bucket passes, and the next waits until that is paid")
    func overConsumption() throws {
        var limiter = RateLimiter(RateLimits(bandwidth: try rate(100, 100)), at: 0)
        #expect(limiter.admit(byteCount: 1000, at: 0) == nil)
        // 900 ms for what was too much, 1 ms for the byte.
        #expect(limiter.admit(byteCount: 1, at: 0) == 901 * Self.millisecond)
        #expect(limiter.admit(byteCount: 1000, at: 0) == 900 * Self.millisecond)
        limiter.refill(at: 900 * Self.millisecond)
        #expect(limiter.admit(byteCount: 1000, at: 900 * Self.millisecond) == nil)
        #expect(limiter.admit(byteCount: 1, at: 900 * Self.millisecond) == 1901 * Self.millisecond)
    }

    @Test("a request that one bucket refuses takes nothing of the other")
    func bothOrNone() throws {
        var limiter = RateLimiter(
            RateLimits(bandwidth: try rate(1000, 1000), operations: try rate(1, 100)), at: 0)
        #expect(limiter.admit(byteCount: 400, at: 0) == nil)
        for _ in 0..<10 { #expect(limiter.admit(byteCount: 600, at: 0) == 100 * Self.millisecond) }
        limiter.refill(at: 100 * Self.millisecond)
        #expect(limiter.admit(byteCount: 700, at: 100 * Self.millisecond) == nil)
        // Of the bytes none is left, so the operation that 200 ms brought must still be there afterwards.
        limiter.refill(at: 200 * Self.millisecond)
        #expect(limiter.admit(byteCount: 300, at: 200 * Self.millisecond) == 400 * Self.millisecond)
        limiter.refill(at: 250 * Self.millisecond)
        #expect(limiter.admit(byteCount: 0, at: 250 * Self.millisecond) == nil)
    }

    @Test("a change of one limit leaves what is in the bucket of the other")
    func update() throws {
        var limiter = RateLimiter(
            RateLimits(bandwidth: try rate(100, 100), operations: try rate(2, 1000)), at: 0)
        #expect(limiter.admit(byteCount: 100, at: 0) == nil)
        limiter.update(bandwidth: .replace(try rate(200, 100)), operations: .keep, at: 0)
        #expect(limiter.limits == RateLimits(bandwidth: try rate(200, 100), operations: try rate(2, 1000)))
        #expect(limiter.admit(byteCount: 200, at: 0) == nil)
        #expect(limiter.admit(byteCount: 0, at: 0) == 500 * Self.millisecond)
        limiter.update(bandwidth: .keep, operations: .replace(nil), at: 0)
        #expect(limiter.admit(byteCount: 0, at: 0) == nil)
        #expect(limiter.admit(byteCount: 2, at: 0) == Self.millisecond)
    }

    @Test("the largest and smallest numbers neither trap nor let anything through too early")
    func extremes() throws {
        let edges: [UInt64] = [1, 2, 3, 1 << 32, UInt64.max >> 1, .max - 1, .max]
        for size in edges {
            for time in edges {
                for burst in [0] + edges {
                    var bucket = TokenBucket(try rate(size, time, burst: burst), at: 0)
                    for now in [0] + edges {
                        for count in [0] + edges {
                            bucket.refill(at: now)
                            #expect(bucket.admission(of: count, at: now) >= now)
                            bucket.take(count)
                        }
                    }
                    // Back in time brings nothing.
                    bucket.refill(at: 0)
                }
            }
        }
    }

    /// Tokens in units of 1 / (10^6 × refill time), one nanosecond after the other.
    private struct Model {
        var level: Int
        var burst: Int
        let size: Int
        let unit: Int

        init(_ rate: TokenRate) {
            unit = Int(rate.refillMilliseconds) * 1_000_000
            size = Int(rate.size)
            level = size * unit
            burst = Int(rate.oneTimeBurst)
        }
        mutating func pass(nanoseconds: Int) { level = min(size * unit, level + nanoseconds * size) }
        func allows(_ count: Int) -> Bool {
            let rest = max(0, count - burst)
            return rest > size ? level >= 0 : level >= rest * unit
        }
        mutating func take(_ count: Int) {
            let ofBurst = min(count, burst)
            burst -= ofBurst
            level -= (count - ofBurst) * unit
        }
    }

    @Test("random steps end as those of a plain model do", arguments: 1...200 as ClosedRange<UInt64>)
    func model(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let rate = try rate(
            .random(in: 1...5000, using: &random), .random(in: 1...50, using: &random),
            burst: .random(in: 0...3000, using: &random))
        var now = UInt64.random(in: 0...(1 << 60), using: &random)
        var bucket = TokenBucket(rate, at: now)
        var model = Model(rate)
        for step in 0..<2000 {
            let count = Int.random(in: 0...(Int(rate.size) * 3 / 2), using: &random)
            bucket.refill(at: now)
            let time = bucket.admission(of: count == 0 ? 0 : UInt64(count), at: now)
            try #require((time == now) == model.allows(count), "seed \(seed) step \(step)")
            if time == now {
                bucket.take(UInt64(count))
                model.take(count)
            } else {
                // Not a nanosecond earlier.
                var before = model
                before.pass(nanoseconds: Int(time - now) - 1)
                try #require(!before.allows(count), "seed \(seed) step \(step)")
                before.pass(nanoseconds: 1)
                try #require(before.allows(count), "seed \(seed) step \(step)")
            }
            let pause = Bool.random(using: &random) ? 0 : Int.random(in: 0...2_000_000, using: &random)
            now += UInt64(pause)
            model.pass(nanoseconds: pause)
        }
    }
}
