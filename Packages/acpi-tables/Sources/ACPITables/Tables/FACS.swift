// SPDX-License-Identifier: Apache-2.0

/// The firmware control structure: global lock and waking vector (ACPI 6.5, 5.2.10).
///
/// Only a machine with fixed hardware needs it; with hardware-reduced ACPI it is optional and useless.
/// It has no checksum and must be aligned to 64 bytes.
public struct FACS: Hashable, Sendable {
    /// Changes when the hardware did, so that a guest does not resume from hibernation on another machine.
    public var hardwareSignature: UInt32

    /// Its size in bytes.
    public static let byteCount = 64
    /// What its address must be a multiple of.
    public static let alignment: UInt64 = 64

    /// Makes a structure that nobody has locked.
    public init(hardwareSignature: UInt32 = 0) { self.hardwareSignature = hardwareSignature }

    /// The 64 bytes.
    public func encoded() -> [UInt8] {
        var writer = TableWriter()
        writer.append(Array("FACS".utf8))
        writer.append(UInt32(Self.byteCount))
        writer.append(hardwareSignature)
        writer.append(zeros: 20)  // waking vector, global lock, flags, 64-bit waking vector
        writer.append(UInt8(2))  // version
        writer.append(zeros: 31)
        return writer.bytes
    }
}
