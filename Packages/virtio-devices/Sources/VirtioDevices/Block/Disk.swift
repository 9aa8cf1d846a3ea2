// SPDX-License-Identifier: Apache-2.0
public import VMMSysUtil
public import VMMemory

/// What a block device keeps its sectors in. All offsets and lengths are in bytes, multiples of 512 and inside of
/// `byteCount`: the device has checked the guest's numbers.
///
/// Used on the device's thread only.
public protocol Disk: AnyObject {
    /// The size, a multiple of 512. Constant: a disk that grew is another one, given to `BlockDevice.replaceDisk`.
    var byteCount: UInt64 { get }

    /// Whether writes, discards and zeroing are refused; the device does not try them then.
    var isReadOnly: Bool { get }

    /// Reads into `pieces`, from their first byte on.
    /// - Parameters:
    ///   - byteOffset: from the disk's start, a multiple of 512.
    ///   - pieces: what was transferred is removed from the front, in case of an error too; so what is left tells how
    ///     far it came. Empty if it returns.
    func read(at byteOffset: UInt64, into pieces: inout IOVecs) throws(Errno)

    /// Writes `pieces`, from their first byte on. What was transferred is removed as in `read`.
    func write(_ pieces: inout IOVecs, at byteOffset: UInt64) throws(Errno)

    /// Makes everything that was written survive a power failure.
    func flush() throws(Errno)

    /// The guest has no use for the range any more. A hint: a disk that cannot free it does nothing.
    func discard(at byteOffset: UInt64, byteCount: UInt64) throws(Errno)

    /// Makes the range read as zeros.
    /// - Parameters:
    ///   - byteOffset: from the disk's start, a multiple of 512.
    ///   - byteCount: a multiple of 512.
    ///   - mayUnmap: whether its room may be freed.
    /// - Returns: the bytes that had to be written for it, as data has to be: a rate limiter counts them. 0 where the
    ///   range is noted as zero.
    @discardableResult
    func writeZeroes(at byteOffset: UInt64, byteCount: UInt64, mayUnmap: Bool) throws(Errno) -> UInt64
}
