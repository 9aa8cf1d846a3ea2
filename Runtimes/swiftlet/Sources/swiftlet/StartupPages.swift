// SPDX-License-Identifier: Apache-2.0
import Glibc
import VMMSysUtil

/// The program's own code, most of which only its start needs.
enum StartupPages {
    /// Takes the code out of this process's memory. It stays in the page cache, which all microVMs share; what is still
    /// needed comes back at its next use, without a read. Best effort: nothing depends on it.
    ///
    /// A debugger's breakpoints are private copies of such pages and would be lost, hence not in debug builds.
    static func release() {
        #if !DEBUG
            guard let maps = try? FileDescriptor.open("/proc/self/maps", .readOnly) else { return }
            var bytes = [UInt8](repeating: 0, count: 16384)
            var span = bytes.mutableSpan
            // One read gives whole lines from the lowest address on; code lies before the libraries' and the stack's.
            guard let count = try? span.withUnsafeMutableBytes({ try maps.read(into: $0) }) else { return }
            for line in bytes[..<count].split(separator: UInt8(ascii: "\n")) { release(line) }
        #endif
    }

    /// - Parameter line: `start-end rwxp offset device inode path`.
    private static func release(_ line: ArraySlice<UInt8>) {
        let fields = line.split(separator: UInt8(ascii: " "), maxSplits: 5)
        // Code from a file is as it was there, because it is not writable; that of the kernel's vDSO has no path.
        guard fields.count == 6, fields[1].elementsEqual("r-xp".utf8), fields[5].contains(UInt8(ascii: "/")) else {
            return
        }
        let ends = fields[0].split(separator: UInt8(ascii: "-"))
            .compactMap { UInt(String(decoding: $0, as: UTF8.self), radix: 16) }
        guard ends.count == 2, ends[0] < ends[1] else { return }
        madvise(UnsafeMutableRawPointer(bitPattern: ends[0]), Int(ends[1] - ends[0]), MADV_DONTNEED)
    }
}
