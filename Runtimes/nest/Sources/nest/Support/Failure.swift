// SPDX-License-Identifier: Apache-2.0

/// What a command could not do, in one line.
struct Failure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
