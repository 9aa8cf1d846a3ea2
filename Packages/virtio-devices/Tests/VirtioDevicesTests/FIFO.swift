// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMSysUtil
import VMMemory
import VirtioDevices

/// A pipe opened for both directions, as a file whose reads take as long as a test wants.
struct FIFO {
    private let box: Box

    private final class Box: Sendable {
        let pipe: Pipe
        init(_ pipe: consuming Pipe) { self.pipe = pipe }
    }

    init() throws { box = Box(try Pipe()) }

    func open() throws -> FileDescriptor {
        try FileDescriptor.open("/proc/self/fd/\(box.pipe.readEnd.rawValue)", .readWrite)
    }

    /// A disk that reads what is written, whatever the sector.
    func makeDisk(transfersMax: Int = 8) throws -> RingDisk {
        try RingDisk(FileDisk(unchecked: open(), byteCount: 1 << 20, isReadOnly: false), transfersMax: transfersMax)
    }

    func write(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try box.pipe.writeEnd.writeAll(from: $0) } }

    /// Writes when the caller has had time to wait for it.
    func writeSoon(_ bytes: [UInt8]) throws {
        let box = self.box
        _ = try Thread(name: "fifo") {
            Thread.sleep(for: .milliseconds(100))
            _ = try? bytes.withUnsafeBytes { try box.pipe.writeEnd.writeAll(from: $0) }
        }
    }
}

/// Memory for transfers, which stays where it is.
final class Room {
    let bytes: UnsafeMutableRawBufferPointer

    init(_ byteCount: Int, filledWith byte: UInt8 = 0) {
        bytes = .allocate(byteCount: byteCount, alignment: 512)
        _ = bytes.initializeMemory(as: UInt8.self, repeating: byte)
    }

    deinit { bytes.deallocate() }

    /// Adds a part of it as one piece.
    func append(to pieces: inout IOVecs, _ range: Range<Int>? = nil) {
        let range = range ?? 0..<bytes.count
        if let base = bytes.baseAddress { pieces.append(base + range.lowerBound, byteCount: range.count) }
    }
}
