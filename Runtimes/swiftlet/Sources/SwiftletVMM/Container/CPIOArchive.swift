// SPDX-License-Identifier: Apache-2.0

/// Builds an initramfs: a cpio archive in the "newc" format that Linux unpacks into its first root file system.
///
/// Linux unpacks archives that follow one another (Documentation/driver-api/early-userspace/buffer-format), so a
/// small archive can be put behind a ready one to add files to it.
public struct CPIOArchive: Sendable {
    private var bytes: [UInt8] = []
    private var nextInode: UInt32 = 1

    /// An archive without entries.
    public init() {}

    /// Adds a regular file.
    public mutating func addFile(_ path: String, mode: UInt32 = 0o644, contents: [UInt8]) {
        add(path, mode: 0o100000 | mode, contents: contents)
    }

    /// Adds a directory; it must come before what is in it.
    public mutating func addDirectory(_ path: String, mode: UInt32 = 0o755) {
        add(path, mode: 0o040000 | mode, contents: [])
    }

    /// The archive with its end mark, padded to a multiple of four so that another may follow.
    public consuming func finish() -> [UInt8] {
        nextInode = 0
        add("TRAILER!!!", mode: 0, contents: [])
        return bytes
    }

    private mutating func add(_ path: String, mode: UInt32, contents: [UInt8]) {
        let name = Array(path.utf8) + [0]
        let fields: [UInt32] = [
            nextInode, mode, 0, 0, 1, 0, UInt32(truncatingIfNeeded: contents.count), 0, 0, 0, 0,
            UInt32(truncatingIfNeeded: name.count), 0,
        ]
        bytes += Array("070701".utf8)
        for field in fields { bytes += Self.hexadecimal(field) }
        bytes += name
        pad()
        bytes += contents
        pad()
        nextInode += 1
    }

    private mutating func pad() {
        while !bytes.count.isMultiple(of: 4) { bytes.append(0) }
    }

    private static func hexadecimal(_ value: UInt32) -> [UInt8] {
        let digits = Array("0123456789abcdef".utf8)
        return stride(from: 28, through: 0, by: -4).map { digits[Int((value >> UInt32($0)) & 15)] }
    }
}
