// SPDX-License-Identifier: Apache-2.0
import Foundation

/// What a Package.swift declares, as SwiftPM understands it.
public struct Manifest: Decodable, Sendable {
    /// One product.
    public struct Product: Decodable, Sendable {
        /// Its name.
        public let name: String
        /// The targets that it is made of.
        public let targets: [String]
    }

    /// One target.
    public struct Target: Decodable, Sendable {
        /// Its name.
        public let name: String
        /// `regular`, `executable`, `test`, `system` and so on.
        public let type: String
        /// Where its sources are, if that is not `Sources/<name>`.
        public let path: String?
        /// The names of what it depends on: targets of the package, and products of others.
        public let dependencies: [String]
        /// Its settings, in a form that can be compared.
        public let settings: [String]

        private enum Key: CodingKey { case name, type, path, dependencies, settings }

        /// Reads one element of `targets`.
        public init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Key.self)
            name = try container.decode(String.self, forKey: .name)
            type = try container.decode(String.self, forKey: .type)
            path = try container.decodeIfPresent(String.self, forKey: .path)
            // {"byName": ["CVMMemory", null]} or {"product": ["VMMSysUtil", "vmm-sys-util", null, null]}
            dependencies = try container.decode([JSON].self, forKey: .dependencies).compactMap { $0.firstString }
                .sorted()
            settings = try container.decodeIfPresent([JSON].self, forKey: .settings)?.map(\.text).sorted() ?? []
        }
    }

    /// The package's name.
    public let name: String
    /// Its products.
    public let products: [Product]
    /// Its targets.
    public let targets: [Target]
    /// The packages that it depends on, in a form that can be searched.
    public let dependencies: [JSON]

    /// Lets SwiftPM evaluate the manifest of a folder.
    public init(folder: String, scratch: String) throws {
        let output = try Tree.run([
            "swift", "package", "--scratch-path", scratch, "--package-path", folder, "dump-package",
        ])
        self = try JSONDecoder().decode(Manifest.self, from: Data(output.utf8))
    }
}

/// Any JSON value.
public enum JSON: Decodable, Sendable {
    /// `null`.
    case null
    /// `true` or `false`.
    case bool(Bool)
    /// A number.
    case number(Double)
    /// A string.
    case string(String)
    /// An array.
    case array([JSON])
    /// An object.
    case object([String: JSON])

    /// Reads whatever comes.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([JSON].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSON].self))
        }
    }

    /// The first string in it.
    var firstString: String? {
        switch self {
        case .string(let value): value
        case .array(let values): values.lazy.compactMap { $0.firstString }.first
        case .object(let values): values.values.lazy.compactMap { $0.firstString }.first
        default: nil
        }
    }

    /// The value as text, with the keys in order.
    public var text: String {
        switch self {
        case .null: "null"
        case .bool(let value): "\(value)"
        case .number(let value): "\(value)"
        case .string(let value): "\"\(value)\""
        case .array(let values): "[" + values.map(\.text).joined(separator: ",") + "]"
        case .object(let values):
            "{" + values.sorted { $0.key < $1.key }.map { "\($0.key):\($0.value.text)" }.joined(separator: ",") + "}"
        }
    }
}
