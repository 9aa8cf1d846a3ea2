// SPDX-License-Identifier: Apache-2.0

extension RangeReplaceableCollection where Element == UInt8 {
    /// Sets the content. The generated messages keep bytes in a type of a library that the shim does not import; as a
    /// collection it can be filled all the same.
    mutating func replaceBytes(with bytes: [UInt8]) { self = Self(bytes) }
}
