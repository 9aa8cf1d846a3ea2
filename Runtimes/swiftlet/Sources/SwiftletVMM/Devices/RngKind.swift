// SPDX-License-Identifier: Apache-2.0
internal import SeccompilerBPF
internal import VirtioDevices

/// The entropy source.
enum RngKind: DeviceKind {
    typealias Change = NoChange

    static let name = "entropy"
    static let faultPrefix = "Entropy device error"
    static let isKeyed = false
    static let filters = [FilterPiece.entropy]

    static func make(_ config: EntropyConfig, _ notice: (String) -> Void) throws(ConfigError) -> EntropyDevice {
        EntropyDevice(throttle: try Throttle.make(config.rateLimiter, prefix: faultPrefix))
    }
}

/// `PUT /entropy`.
struct EntropyConfig: JSONRecord {
    var rateLimiter: RateLimiterConfig?

    init() {}
    init(from fields: inout JSONFields) throws(JSONFault) {
        rateLimiter = try fields.record("rate_limiter", as: RateLimiterConfig.self)
    }
    var json: JSONValue { .object([.init("rate_limiter", rateLimiter?.json ?? .null)]) }
}
