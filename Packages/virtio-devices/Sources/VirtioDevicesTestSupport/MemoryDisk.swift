// SPDX-License-Identifier: Apache-2.0
public import VMMSysUtil
public import VMMemory
public import VirtioDevices

/// A disk in an array, for tests; it counts flushes and remembers what was discarded.
public final class MemoryDisk: Disk {
    /// The content; may be changed from outside.
    public var bytes: [UInt8]
    /// Whether it refuses to be written.
    public let isReadOnly: Bool
    /// How many flushes it has seen.
    public private(set) var flushCount = 0
    /// The ranges discarded, in order.
    public private(set) var discarded: [Range<UInt64>] = []

    /// A disk of zeros.
    /// - Parameters:
    ///   - sectors: of 512 bytes.
    ///   - isReadOnly: whether it refuses to be written.
    public init(sectors: Int, isReadOnly: Bool = false) {
        bytes = [UInt8](repeating: 0, count: max(sectors, 0) * 512)
        self.isReadOnly = isReadOnly
    }

    /// The number of bytes.
    public var byteCount: UInt64 { UInt64(bytes.count) }

    private func range(_ byteOffset: UInt64, _ byteCount: UInt64) throws(Errno) -> Range<Int> {
        let (end, overflows) = byteOffset.addingReportingOverflow(byteCount)
        guard !overflows, end <= self.byteCount else { throw .invalidArgument }
        return Int(byteOffset)..<Int(end)
    }

    /// Copies out of the array.
    public func read(at byteOffset: UInt64, into pieces: inout IOVecs) throws(Errno) {
        var position = try range(byteOffset, pieces.byteCount).lowerBound
        while let piece = pieces[0] {
            piece.copyBytes(from: bytes[position..<position + piece.count])
            position += piece.count
            pieces.removeFirst(byteCount: UInt64(piece.count))
        }
    }

    /// Copies into the array.
    public func write(_ pieces: inout IOVecs, at byteOffset: UInt64) throws(Errno) {
        guard !isReadOnly else { throw .notPermitted }
        var position = try range(byteOffset, pieces.byteCount).lowerBound
        while let piece = pieces[0] {
            bytes.replaceSubrange(position..<position + piece.count, with: piece)
            position += piece.count
            pieces.removeFirst(byteCount: UInt64(piece.count))
        }
    }

    /// Counts.
    public func flush() throws(Errno) { flushCount += 1 }

    /// Remembers the range and fills it with 0xdd, so that a test sees it.
    public func discard(at byteOffset: UInt64, byteCount: UInt64) throws(Errno) {
        for index in try range(byteOffset, byteCount) { bytes[index] = 0xdd }
        discarded.append(byteOffset..<byteOffset + byteCount)
    }

    /// Zeros the range, byte for byte.
    @discardableResult
    public func writeZeroes(at byteOffset: UInt64, byteCount: UInt64, mayUnmap: Bool) throws(Errno) -> UInt64 {
        for index in try range(byteOffset, byteCount) { bytes[index] = 0 }
        return byteCount
    }
}

/// A disk that fails where it is told to, in front of a good one.
public final class FlakyDisk: Disk {
    /// The good one.
    public let base: any Disk
    /// Transfers that reach this byte stop there with an error.
    public var badByteOffset: UInt64?
    /// Whether flush, discard and zeroing fail.
    public var failsCommands = false
    /// The error of all of them.
    public var error = Errno.inputOutput
    /// Calls of `read` and `write`.
    public private(set) var transferCount = 0

    /// A disk that does not fail yet.
    public init(_ base: any Disk) { self.base = base }

    /// As the good one's.
    public var byteCount: UInt64 { base.byteCount }
    /// As the good one's.
    public var isReadOnly: Bool { base.isReadOnly }

    private func split(_ pieces: inout IOVecs, at byteOffset: UInt64) -> IOVecs? {
        guard let bad = badByteOffset, byteOffset + pieces.byteCount > bad else { return nil }
        var front = IOVecs()
        var left = bad > byteOffset ? bad - byteOffset : 0
        for index in 0..<pieces.count {
            guard left > 0, let piece = pieces[index], let base = piece.baseAddress else { break }
            let count = min(left, UInt64(piece.count))
            front.append(base, byteCount: Int(count))
            left -= count
        }
        pieces.removeFirst(byteCount: front.byteCount)
        return front
    }

    /// Reads up to the bad byte.
    public func read(at byteOffset: UInt64, into pieces: inout IOVecs) throws(Errno) {
        transferCount += 1
        guard var front = split(&pieces, at: byteOffset) else { return try base.read(at: byteOffset, into: &pieces) }
        try base.read(at: byteOffset, into: &front)
        throw error
    }

    /// Writes up to the bad byte.
    public func write(_ pieces: inout IOVecs, at byteOffset: UInt64) throws(Errno) {
        transferCount += 1
        guard var front = split(&pieces, at: byteOffset) else { return try base.write(&pieces, at: byteOffset) }
        try base.write(&front, at: byteOffset)
        throw error
    }

    /// As the good one's, or an error.
    public func flush() throws(Errno) {
        if failsCommands { throw error }
        try base.flush()
    }

    /// As the good one's, or an error.
    public func discard(at byteOffset: UInt64, byteCount: UInt64) throws(Errno) {
        if failsCommands { throw error }
        try base.discard(at: byteOffset, byteCount: byteCount)
    }

    /// As the good one's, or an error.
    @discardableResult
    public func writeZeroes(at byteOffset: UInt64, byteCount: UInt64, mayUnmap: Bool) throws(Errno) -> UInt64 {
        if failsCommands { throw error }
        return try base.writeZeroes(at: byteOffset, byteCount: byteCount, mayUnmap: mayUnmap)
    }
}
