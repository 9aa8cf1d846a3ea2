// SPDX-License-Identifier: Apache-2.0

/// Keys and values beside a request. A key may have several values; keys are kept in lower case, as ttrpc sends them.
public struct TTRPCMetadata: Equatable, Sendable {
    struct Pair: Equatable, Sendable {
        let key: String
        let value: String
    }

    /// In the order in which they were added, or arrived.
    var storage: [Pair] = []

    /// Metadata of these pairs; a repeated key has several values.
    public init(_ pairs: [(String, String)] = []) {
        for (key, value) in pairs { append(key, value) }
    }

    /// All values of a key, in order; none if it is absent.
    public subscript(key: String) -> [String] {
        if storage.isEmpty { return [] }
        let key = key.lowercased()
        return storage.filter { $0.key == key }.map(\.value)
    }

    /// Adds a value to a key, behind those that it has.
    public mutating func append(_ key: String, _ value: String) {
        storage.append(Pair(key: key.lowercased(), value: value))
    }

    /// All pairs, in order.
    public var pairs: [(key: String, value: String)] { storage.map { ($0.key, $0.value) } }
}
