// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import VMMSysUtil

/// Small files of the kernel and of our own.
enum Files {
    /// Reads a file, or its first bytes.
    static func read(_ path: String, maximumByteCount: Int = 1 << 20) throws(AgentError) -> [UInt8] {
        do throws(Errno) {
            let file = try FileDescriptor.open(path)
            var bytes: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 4096)
            while bytes.count < maximumByteCount {
                let count = try read(file, &buffer)
                if count == 0 { break }
                bytes.append(contentsOf: buffer[..<count])
            }
            return bytes
        } catch {
            throw .system(operation: "read", subject: path, error)
        }
    }

    private static func read(_ file: borrowing FileDescriptor, _ buffer: inout [UInt8]) throws(Errno) -> Int {
        let number = file.rawValue
        let capacity = buffer.count
        return try retryOnInterrupt { Glibc.read(number, &buffer, capacity) }
    }

    /// Reads a file of text; nil when it cannot be read.
    static func text(_ path: String) -> String? {
        guard let bytes = try? read(path) else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Writes a whole file, in one call where it exists already, as the kernel's files want it.
    static func write(
        _ path: String, _ bytes: [UInt8], flags: OpenFlags = [.writeOnly, .create, .truncate], mode: UInt32 = 0o600
    ) throws(AgentError) {
        do throws(Errno) {
            let file = try FileDescriptor.open(path, flags, mode: mode)
            try writeAll(file, bytes)
        } catch {
            throw .system(operation: "write", subject: path, error)
        }
    }

    /// Writes a value into a file of the kernel.
    static func set(_ path: String, _ text: String) throws(AgentError) {
        try write(path, Array(text.utf8), flags: .writeOnly)
    }

    static func writeAll(_ file: borrowing FileDescriptor, _ bytes: [UInt8]) throws(Errno) {
        let number = file.rawValue
        var done = 0
        while done < bytes.count {
            let start = done
            done += try retryOnInterrupt {
                bytes.withUnsafeBytes { Glibc.write(number, $0.baseAddress.map { $0 + start }, bytes.count - start) }
            }
        }
    }

    /// Makes a directory and those above it.
    static func makeDirectories(_ path: String, mode: mode_t = 0o755) throws(AgentError) {
        do throws(Errno) { try Directory.make(path, mode: mode) } catch {
            throw .system(operation: "make the directory", subject: path, error)
        }
    }
}

extension String {
    /// Without white space at both ends.
    var trimmed: Substring {
        var rest = self[...]
        while let first = rest.first, first.isWhitespace { rest.removeFirst() }
        while let last = rest.last, last.isWhitespace { rest.removeLast() }
        return rest
    }
}
