// SPDX-License-Identifier: Apache-2.0
internal import VirtioDevices

/// The entropy source.
enum RngKind: DeviceKind {
    typealias Change = NoChange

    static let name = "entropy"
    static let faultPrefix = "Entropy device error"
    static let isKeyed = false

    static func make(_ config: EntropyConfig) throws(ConfigError) -> EntropyDevice { EntropyDevice() }
}

/// `PUT /entropy`.
struct EntropyConfig: JSONRecord {
    init() {}
    init(from fields: inout JSONFields) throws(JSONFault) { try fields.refuse("rate_limiter") }
    var json: JSONValue { .object([.init("rate_limiter", .null)]) }
}
