// SPDX-License-Identifier: Apache-2.0
internal import VMMSysUtil
internal import VirtioDevices

/// `rate_limiter` of a device: `bandwidth` in bytes, `ops` in requests.
struct RateLimiterConfig: JSONRecord {
    var bandwidth: TokenBucketConfig?
    var operations: TokenBucketConfig?

    init(from fields: inout JSONFields) throws(JSONFault) {
        bandwidth = try fields.record("bandwidth", as: TokenBucketConfig.self)
        operations = try fields.record("ops", as: TokenBucketConfig.self)
    }

    var json: JSONValue {
        .object([
            .init("bandwidth", bandwidth?.json ?? .null), .init("ops", operations?.json ?? .null),
        ])
    }

    /// The configuration after a change of it: a bucket that the change does not name stays.
    func changed(by change: RateLimiterConfig) -> RateLimiterConfig {
        var config = self
        if let bandwidth = change.bandwidth { config.bandwidth = bandwidth }
        if let operations = change.operations { config.operations = operations }
        return config
    }
}

/// One bucket: `size` tokens every `refill_time` milliseconds; no limit if either is 0.
struct TokenBucketConfig: JSONRecord {
    var size: UInt64
    var oneTimeBurst: UInt64?
    var refillMilliseconds: UInt64

    init(from fields: inout JSONFields) throws(JSONFault) {
        size = try fields.requiredInteger("size", as: UInt64.self)
        oneTimeBurst = try fields.integer("one_time_burst", as: UInt64.self)
        refillMilliseconds = try fields.requiredInteger("refill_time", as: UInt64.self)
    }

    var json: JSONValue {
        .object([
            .init("size", Self.number(size)), .init("one_time_burst", oneTimeBurst.map(Self.number) ?? .null),
            .init("refill_time", Self.number(refillMilliseconds)),
        ])
    }

    var rate: TokenRate? {
        TokenRate(size: size, refillMilliseconds: refillMilliseconds, oneTimeBurst: oneTimeBurst ?? 0)
    }

    /// A number that came as JSON, whose integers end there.
    private static func number(_ value: UInt64) -> JSONValue { .integer(Int64(clamping: value)) }
}

extension Throttle {
    /// Makes a device's rate limiter, which may be limited later if it is not now.
    static func make(_ config: RateLimiterConfig?, prefix: String) throws(ConfigError) -> Throttle {
        let limits = RateLimits(bandwidth: config?.bandwidth?.rate, operations: config?.operations?.rate)
        do throws(Errno) { return try Throttle(limits) } catch {
            throw .device(prefix: prefix, "Unable to create the rate limiter: \(error)")
        }
    }

    /// Changes what a PATCH names.
    func apply(_ change: RateLimiterConfig) {
        update(
            bandwidth: change.bandwidth.map { .replace($0.rate) } ?? .keep,
            operations: change.operations.map { .replace($0.rate) } ?? .keep)
    }
}
