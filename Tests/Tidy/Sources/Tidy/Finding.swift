// SPDX-License-Identifier: Apache-2.0

/// One place that breaks a rule, and what to do instead.
public struct Finding: Hashable, Sendable, CustomStringConvertible {
    /// The file, from the top folder.
    public let path: String
    /// The line, counted from one; zero means the whole file.
    public let line: Int
    /// What is there, and what to do instead.
    public let message: String

    /// Describes a place.
    public init(_ path: String, line: Int = 0, _ message: String) {
        self.path = path
        self.line = line
        self.message = message
    }

    /// `path:line: message`.
    public var description: String { line == 0 ? "\(path): \(message)" : "\(path):\(line): \(message)" }
}
