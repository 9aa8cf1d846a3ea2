// SPDX-License-Identifier: Apache-2.0
import VMMSysUtil

extension FileDescriptor {
    borrowing func writeAll(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try writeAll(from: $0) } }

    /// What one read of at most `count` bytes gives.
    borrowing func bytes(_ count: Int) throws -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: count)
        let taken = try buffer.withUnsafeMutableBytes { try read(into: $0) }
        return Array(buffer.prefix(taken))
    }

    /// What one read at an offset of at most `count` bytes gives.
    borrowing func bytes(_ count: Int, atOffset offset: UInt64) throws -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: count)
        let taken = try buffer.withUnsafeMutableBytes { try read(into: $0, atOffset: offset) }
        return Array(buffer.prefix(taken))
    }
}
