// SPDX-License-Identifier: Apache-2.0

/// What a block device has done since it was made.
public struct BlockCounters: Sendable, Equatable {
    /// Read requests that succeeded.
    public internal(set) var reads: UInt64 = 0
    /// Bytes that went to the guest.
    public internal(set) var readBytes: UInt64 = 0
    /// Write requests that succeeded.
    public internal(set) var writes: UInt64 = 0
    /// Bytes that came from the guest.
    public internal(set) var writtenBytes: UInt64 = 0
    /// Flushes that succeeded.
    public internal(set) var flushes: UInt64 = 0
    /// Discard and write-zeroes requests that succeeded.
    public internal(set) var discards: UInt64 = 0
    /// Requests that the disk failed.
    public internal(set) var failures: UInt64 = 0
    /// Requests that broke the rules.
    public internal(set) var malformed: UInt64 = 0
    /// Requests of a type that is not known, or not offered.
    public internal(set) var unsupported: UInt64 = 0

    /// All zero.
    public init() {}
}
