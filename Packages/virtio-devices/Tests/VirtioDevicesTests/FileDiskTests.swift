// SPDX-License-Identifier: Apache-2.0
import Glibc
import Synchronization
import Testing
import VMMSysUtil
import VMMemory
import VirtioDevices

@Suite struct FileDiskTests {
    private func makeFile(_ byteCount: UInt64) throws -> FileDescriptor {
        let file = try FileDescriptor.temporaryFile()
        try file.setByteCount(byteCount)
        return file
    }

    /// Runs `body` with pieces over one buffer, cut as told.
    private func withPieces(
        _ bytes: inout [UInt8], cut: Int, _ body: (inout IOVecs) throws -> Void
    ) rethrows {
        try bytes.withUnsafeMutableBytes { buffer in
            var pieces = IOVecs(capacity: 2)
            // Back to front, so that no two pieces join.
            for start in stride(from: 0, to: buffer.count, by: cut).reversed() {
                if let base = buffer.baseAddress {
                    pieces.append(base + start, byteCount: min(cut, buffer.count - start))
                }
            }
            try body(&pieces)
        }
    }

    @Test("more pieces than one call takes are written and read back in order, exactly once")
    func manyPieces() throws {
        let disk = try FileDisk(adopting: makeFile(1 << 20), isReadOnly: false)
        var out = (0..<8192).map { UInt8(truncatingIfNeeded: $0 / 3) }
        try withPieces(&out, cut: 4) { pieces in
            try #require(pieces.count == 2048)
            try disk.write(&pieces, at: 512)
            #expect(pieces.byteCount == 0)
        }
        var back = [UInt8](repeating: 0, count: 8192)
        try withPieces(&back, cut: 4) { try disk.read(at: 512, into: &$0) }
        #expect(back == out)
        try disk.flush()
    }

    @Test("the size is rounded down to whole sectors")
    func roundsDown() throws {
        for (size, sectors) in [(0, 0), (511, 0), (512, 1), (1023, 1), (4096, 8)] as [(UInt64, UInt64)] {
            #expect(try FileDisk(adopting: makeFile(size), isReadOnly: false).byteCount == sectors * 512)
        }
    }

    @Test("a descriptor that cannot be written makes a read-only disk; one that cannot be read, or no file, none")
    func descriptors() throws {
        let readOnly = try FileDisk(adopting: FileDescriptor.open("/proc/self/exe", .readOnly), isReadOnly: false)
        #expect(readOnly.isReadOnly)
        var bytes = [UInt8](repeating: 0, count: 512)
        withPieces(&bytes, cut: 512) { pieces in
            #expect(throws: Errno.notPermitted) { try readOnly.write(&pieces, at: 0) }
        }
        #expect(throws: Errno.notPermitted) { try readOnly.discard(at: 0, byteCount: 512) }
        #expect(throws: Errno.notPermitted) { try readOnly.writeZeroes(at: 0, byteCount: 512, mayUnmap: true) }
        #expect(throws: Errno.invalidArgument) {
            try FileDisk(adopting: FileDescriptor.open("/dev/null", .readWrite), isReadOnly: false)
        }
        #expect(throws: Errno.invalidArgument) {
            try FileDisk(adopting: FileDescriptor.open("/tmp", .readOnly), isReadOnly: true)
        }
        let file = try makeFile(512)
        #expect(throws: Errno.badFileDescriptor) {
            try FileDisk(
                adopting: FileDescriptor.open("/proc/self/fd/\(file.rawValue)", .writeOnly), isReadOnly: false)
        }
    }

    @Test("discarded and zeroed ranges read as zeros, and the file keeps its size", arguments: [0, 1, 2])
    func zeroes(_ way: Int) throws {
        let file = try makeFile(1 << 20)
        let other = try file.duplicate()
        let disk = try FileDisk(adopting: file, isReadOnly: false)
        var ones = [UInt8](repeating: 1, count: 1 << 20)
        try withPieces(&ones, cut: 1 << 20) { try disk.write(&$0, at: 0) }
        if way == 0 {
            try disk.discard(at: 4096, byteCount: 8192)
        } else {
            try disk.writeZeroes(at: 4096, byteCount: 8192, mayUnmap: way == 1)
        }
        var back = [UInt8](repeating: 7, count: 1 << 20)
        try withPieces(&back, cut: 1 << 20) { try disk.read(at: 0, into: &$0) }
        #expect(back[4096..<12288].allSatisfy { $0 == 0 })
        #expect(back[..<4096].allSatisfy { $0 == 1 } && back[12288...].allSatisfy { $0 == 1 })
        #expect(try other.byteCount() == 1 << 20)
    }

    @Test(
        "where the file system makes no holes, zeroes are written, a discard keeps the data, and no failure is hidden")
    func withoutHoles() throws {
        for (error, isMissing) in [(EOPNOTSUPP, true), (ENOSYS, true), (EIO, false)] as [(Int32, Bool)] {
            let file = try makeFile(1 << 20)
            let other = try file.duplicate()
            let disk = Unsent(try FileDisk(adopting: file, isReadOnly: false))
            var ones = [UInt8](repeating: 1, count: 1 << 20)
            try withPieces(&ones, cut: 1 << 20) { try disk.value.write(&$0, at: 0) }
            let errors = Mutex<[Errno?]>([])
            try Thread(name: "no-holes") {
                guard forbid(systemCall: 285, with: error) else { return }  // fallocate
                func attempt(_ body: () throws(Errno) -> Void) {
                    do throws(Errno) {
                        try body()
                        errors.withLock { $0.append(nil) }
                    } catch { errors.withLock { $0.append(error) } }
                }
                attempt { () throws(Errno) in try disk.value.discard(at: 0, byteCount: 4096) }
                // More than one write takes, and not a multiple of it.
                for mayUnmap in [true, false] {
                    attempt { () throws(Errno) in
                        let written = try disk.value.writeZeroes(
                            at: mayUnmap ? 4096 : 524_288, byteCount: 200_192, mayUnmap: mayUnmap)
                        guard written == 200_192 else { throw .outOfRange }
                    }
                }
            }.join()
            let expected: Errno? = isMissing ? nil : Errno(rawValue: error)
            #expect(errors.withLock { $0 } == [expected, expected, expected])
            var back = [UInt8](repeating: 7, count: 1 << 20)
            try withPieces(&back, cut: 1 << 20) { try disk.value.read(at: 0, into: &$0) }
            for (range, isZero) in [
                (0..<4096, false), (4096..<204_288, isMissing), (204_288..<524_288, false),
                (524_288..<724_480, isMissing), (724_480..<1 << 20, false),
            ] {
                #expect(back[range].allSatisfy { $0 == (isZero ? 0 : 1) }, "\(range)")
            }
            #expect(try other.byteCount() == 1 << 20)
        }
    }

    @Test("a file that was cut short behind the disk's back fails with how far it came")
    func cutShort() throws {
        let file = try makeFile(4096)
        let other = try file.duplicate()
        let disk = try FileDisk(adopting: file, isReadOnly: false)
        try other.setByteCount(1000)
        var bytes = [UInt8](repeating: 0, count: 2048)
        withPieces(&bytes, cut: 2048) { pieces in
            #expect(throws: Errno.inputOutput) { try disk.read(at: 0, into: &pieces) }
            #expect(pieces.byteCount == 1048)
        }
    }

    @Test("offsets that no file has are errors")
    func hugeOffsets() throws {
        let disk = try FileDisk(adopting: makeFile(4096), isReadOnly: false)
        #expect(throws: Errno.invalidArgument) { try disk.discard(at: .max, byteCount: 512) }
        var bytes = [UInt8](repeating: 0, count: 512)
        withPieces(&bytes, cut: 512) { pieces in
            #expect(throws: Errno.invalidArgument) { try disk.read(at: 1 << 63, into: &pieces) }
        }
    }
}
