// SPDX-License-Identifier: Apache-2.0
import Testing
import Tidy

/// The tree that this file lies in, read once.
enum Repository {
    static let tree = Result { try Tree(containing: #filePath) }

    /// Fails the test once for each finding, with the finding as the message.
    static func expectNone(_ findings: [Finding], sourceLocation: SourceLocation = #_sourceLocation) {
        for finding in findings { Issue.record("\(finding)", sourceLocation: sourceLocation) }
    }
}

extension Tree {
    /// Swift files in the folders of sources of all packages, with their target's name.
    func shippedSources() throws -> [(target: String, source: SwiftSource)] {
        try paths.filter { $0.hasSuffix(".swift") && !Files.isGenerated($0) }.compactMap { path in
            let parts = path.split(separator: "/")
            guard parts.count > 4, parts[0] == "Packages" || parts[0] == "Runtimes", parts[2] == "Sources" else {
                return nil
            }
            return (String(parts[3]), SwiftSource(path: path, text: try text(path)))
        }
    }
}
