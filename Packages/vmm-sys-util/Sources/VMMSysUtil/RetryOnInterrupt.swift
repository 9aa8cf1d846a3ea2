// SPDX-License-Identifier: Apache-2.0

/// Runs a system call until it ends with anything but `EINTR`.
///
/// - Parameter call: returns -1 with `errno` set on failure, as the C library's wrappers do.
/// - Returns: the call's result, never negative.
/// - Throws: the `Errno` of a failed call.
@inlinable
@discardableResult
public func retryOnInterrupt<Result: SignedInteger & FixedWidthInteger>(
    _ call: () -> Result
) throws(Errno) -> Result {
    while true {
        let result = call()
        if result >= 0 { return result }
        let error = Errno.last
        if error != .interrupted { throw error }
    }
}
