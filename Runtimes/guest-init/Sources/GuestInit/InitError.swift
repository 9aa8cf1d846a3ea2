// SPDX-License-Identifier: Apache-2.0
import CGuestInit

/// What the init was doing when a system call failed.
struct InitError: Error {
    let description: String

    init(_ attempt: String, _ error: Int32) {
        description = "\(attempt): \(String(cString: strerror(error)))"
    }

    init(_ description: String) { self.description = description }
}

/// The error number of the last failed call.
var errno: Int32 { guest_errno() }
