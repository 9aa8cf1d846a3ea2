// SPDX-License-Identifier: Apache-2.0
public import VMMSysUtil
public import VMMemory

/// A read, a write or a flush, as a `QueuedDisk` is given it; made once and used again for one request after the other.
public final class DiskTransfer {
    /// What is to be done.
    public enum Kind: Sendable, Equatable {
        /// Fill the pieces.
        case read
        /// Write the pieces.
        case write
        /// Write the pieces, and make what was written survive a power failure before the transfer completes.
        case stableWrite
        /// Make everything that completed before survive a power failure.
        case flush
    }

    /// Which one of its device's transfers it is, from 0 on.
    public let index: Int
    /// What is to be done.
    @exclusivity(unchecked) public private(set) var kind = Kind.flush
    /// Where on the disk, of what is left.
    @exclusivity(unchecked) public private(set) var byteOffset: UInt64 = 0
    /// What is left to transfer. Not to be touched while the transfer is in flight.
    @exclusivity(unchecked) public var pieces: IOVecs
    /// How many bytes there were to transfer at first.
    @exclusivity(unchecked) public private(set) var wanted: UInt64 = 0
    /// Why it failed; nil if it has not.
    @exclusivity(unchecked) public var error: Errno?
    /// How often it came back without a byte since it last moved.
    @exclusivity(unchecked) var vainAttempts = 0

    /// Makes a transfer that is not in use.
    /// - Parameters:
    ///   - index: its place among those of one disk.
    ///   - capacity: how many pieces it takes before it has to grow, once.
    public init(index: Int, capacity: Int = 4) {
        self.index = index
        pieces = IOVecs(capacity: capacity)
    }

    /// Makes it another one, which nobody has begun.
    /// - Parameters:
    ///   - kind: what is to be done.
    ///   - byteOffset: from the disk's start; a flush has none.
    ///   - fill: adds the pieces.
    public func prepare(_ kind: Kind, at byteOffset: UInt64 = 0, _ fill: (inout IOVecs) -> Void = { _ in }) {
        self.kind = kind
        self.byteOffset = byteOffset
        error = nil
        vainAttempts = 0
        pieces.removeAll()
        fill(&pieces)
        wanted = pieces.byteCount
    }

    /// Takes bytes that were transferred off the front.
    public func advance(byteCount: UInt64) {
        pieces.removeFirst(byteCount: byteCount)
        byteOffset &+= byteCount
        vainAttempts = 0
    }

    /// Does what is left before it returns.
    public func run(on disk: any Disk) {
        do throws(Errno) {
            switch kind {
            case .read: try disk.read(at: byteOffset, into: &pieces)
            case .write: try disk.write(&pieces, at: byteOffset)
            case .stableWrite:
                try disk.write(&pieces, at: byteOffset)
                try disk.flush()
            case .flush: try disk.flush()
            }
        } catch {
            self.error = error
        }
    }
}
