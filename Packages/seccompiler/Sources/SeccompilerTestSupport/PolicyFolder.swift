// SPDX-License-Identifier: Apache-2.0
public import Seccompiler
public import VMMSysUtil

/// A folder of policies in JSON, from which a program's filters are compiled, and of the texts that belong to them.
public struct PolicyFolder: Sendable {
    /// Where it is.
    public let path: String

    /// The folder at a path.
    public init(_ path: String) { self.path = path }

    /// What is in a file.
    public func text(_ name: String) throws(Errno) -> String {
        String(
            decoding: try FileDescriptor.open("\(path)/\(name)").readToEnd(limit: Policy.byteCountMax), as: UTF8.self)
    }

    /// Replaces what is in a file.
    public func write(_ text: String, to name: String) throws {
        let file = try FileDescriptor.open("\(path)/\(name)", [.writeOnly, .create, .truncate])
        try Array(text.utf8).withUnsafeBytes { try file.writeAll(from: $0, atOffset: 0) }
    }

    /// All filters of all policies, by name, for x86_64.
    /// - Throws: an error of the file's or of the policy's; ``NameInUse``.
    public func filters() throws -> [String: Filter] {
        var filters: [String: Filter] = [:]
        for name in Directory.names(in: path) where name.hasSuffix(".json") {
            for entry in try Policy(json: try text(name), architecture: .x86_64).entries {
                guard filters.updateValue(entry.filter, forKey: entry.name) == nil else {
                    throw NameInUse(name: entry.name)
                }
            }
        }
        return filters
    }

    /// Some policies put together, as a thread's filter is.
    /// - Throws: as ``filters()``; ``NoSuchPolicy``.
    public func filter(joining names: [String]) throws -> Filter? {
        let filters = try filters()
        var whole: Filter?
        for name in names {
            guard let next = filters[name] else { throw NoSuchPolicy(name: name) }
            whole = try whole?.adding(next.rules) ?? next
        }
        return whole
    }

    /// Two filters of one name.
    public struct NameInUse: Error, Equatable {
        /// The name.
        public let name: String
    }

    /// A name that no filter has.
    public struct NoSuchPolicy: Error, Equatable {
        /// The name.
        public let name: String
    }
}
