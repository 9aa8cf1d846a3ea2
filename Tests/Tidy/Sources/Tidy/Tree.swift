// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The repository's files: what is tracked, and what would be if everything were added now.
public struct Tree: Sendable {
    /// The repository's top folder.
    public let root: String
    /// Paths from the top folder, sorted.
    public let paths: [String]
    private let known: Set<String>

    /// Finds the repository that a source file lies in, and asks git for its files.
    public init(containing file: String) throws {
        root = try Self.run(["git", "-C", (file as NSString).deletingLastPathComponent, "rev-parse", "--show-toplevel"])
            .trimmingCharacters(in: .newlines)
        let list = try Self.run(["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        let present = list.split(separator: "\0").map(String.init)
        let top = root
        paths = Set(present).filter { FileManager.default.fileExists(atPath: "\(top)/\($0)") }.sorted()
        var known = Set(paths)
        for path in paths {
            var folder = (path as NSString).deletingLastPathComponent
            while !folder.isEmpty, known.insert(folder).inserted {
                folder = (folder as NSString).deletingLastPathComponent
            }
        }
        self.known = known
    }

    /// The bytes of a file.
    public func bytes(_ path: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(fileURLWithPath: "\(root)/\(path)")))
    }

    /// The text of a file.
    public func text(_ path: String) throws -> String { String(decoding: try bytes(path), as: UTF8.self) }

    /// Whether a file or a folder is there.
    public func contains(_ path: String) -> Bool { known.contains(path) }

    /// The names of the folders in a folder.
    public func folders(in folder: String) -> [String] {
        let prefix = folder + "/"
        let names = paths.filter { $0.hasPrefix(prefix) }.map { $0.dropFirst(prefix.count).split(separator: "/") }
        return Set(names.filter { $0.count > 1 }.map { String($0[0]) }).sorted()
    }

    /// The folders of all packages but the root: `Packages/*` and `Runtimes/*`.
    public var packages: [String] {
        ["Packages", "Runtimes"].flatMap { parent in
            folders(in: parent).map { "\(parent)/\($0)" }.filter { contains("\($0)/Package.swift") }
        }
    }

    /// Runs a program.
    /// - Returns: its standard output.
    public static func run(_ arguments: [String]) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw Failure(description: "\(arguments.joined(separator: " ")): status \(process.terminationStatus)")
        }
        return String(decoding: output, as: UTF8.self)
    }

    /// A program that failed.
    public struct Failure: Error, CustomStringConvertible {
        /// The command and its status.
        public let description: String
    }
}
