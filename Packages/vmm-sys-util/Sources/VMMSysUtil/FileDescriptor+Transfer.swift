// SPDX-License-Identifier: Apache-2.0

/// Why a transfer of an exact number of bytes stopped before its end.
public enum TransferError: Error, Equatable, CustomStringConvertible {
    /// The file or stream ended after this many bytes.
    case endOfFile(transferred: Int)
    /// A system call failed after this many bytes; `.wouldBlock` too, if the descriptor is non-blocking.
    case failed(Errno, transferred: Int)

    /// One line for a log.
    public var description: String {
        switch self {
        case .endOfFile(let count): "end of file after \(count) bytes"
        case .failed(let error, let count): "transfer failed after \(count) bytes: \(error)"
        }
    }
}

extension FileDescriptor {
    /// Reads up to as many bytes as the buffer holds, once.
    /// - Returns: how many came; zero at the end of a file or stream.
    public borrowing func read(into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
        try Syscall.read(rawValue, buffer)
    }

    /// Writes up to as many bytes as the buffer holds, once.
    /// - Returns: how many were taken, perhaps fewer than offered.
    public borrowing func write(from buffer: UnsafeRawBufferPointer) throws(Errno) -> Int {
        try Syscall.write(rawValue, buffer)
    }

    /// Reads once at a byte offset, leaving the file position alone.
    /// - Throws: `.invalidArgument` for an offset past 2^63 - 1.
    public borrowing func read(
        into buffer: UnsafeMutableRawBufferPointer, atOffset offset: UInt64
    ) throws(Errno) -> Int {
        guard let offset = Int64(exactly: offset) else { throw .invalidArgument }
        return try Syscall.pread(rawValue, buffer, offset: offset)
    }

    /// Writes once at a byte offset, leaving the file position alone.
    /// - Throws: `.invalidArgument` for an offset past 2^63 - 1.
    public borrowing func write(from buffer: UnsafeRawBufferPointer, atOffset offset: UInt64) throws(Errno) -> Int {
        guard let offset = Int64(exactly: offset) else { throw .invalidArgument }
        return try Syscall.pwrite(rawValue, buffer, offset: offset)
    }

    /// All that comes until the end of the file or stream.
    /// - Parameter limit: in bytes.
    /// - Throws: `.fileTooLarge` when there are more.
    public borrowing func readToEnd(limit: Int) throws(Errno) -> [UInt8] {
        var bytes: [UInt8] = []
        let number = rawValue
        // Most files that are read whole are small ones of the kernel.
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
            var span = chunk.mutableSpan
            let count = try span.withUnsafeMutableBytes { buffer throws(Errno) in try Syscall.read(number, buffer) }
            if count == 0 { return bytes }
            guard count <= limit - bytes.count else { throw .fileTooLarge }
            bytes.append(contentsOf: chunk[..<count])
        }
    }

    /// Reads until the buffer is full.
    public borrowing func readAll(into buffer: UnsafeMutableRawBufferPointer) throws(TransferError) {
        let number = rawValue
        try transferAll(buffer.count) { done throws(Errno) in
            try Syscall.read(number, UnsafeMutableRawBufferPointer(rebasing: buffer[done...]))
        }
    }

    /// Writes the whole buffer.
    public borrowing func writeAll(from buffer: UnsafeRawBufferPointer) throws(TransferError) {
        let number = rawValue
        try transferAll(buffer.count) { done throws(Errno) in
            try Syscall.write(number, UnsafeRawBufferPointer(rebasing: buffer[done...]))
        }
    }

    /// Reads at a byte offset until the buffer is full.
    public borrowing func readAll(
        into buffer: UnsafeMutableRawBufferPointer, atOffset offset: UInt64
    ) throws(TransferError) {
        let number = rawValue
        try transferAll(buffer.count) { done throws(Errno) in
            try Syscall.pread(
                number, UnsafeMutableRawBufferPointer(rebasing: buffer[done...]),
                offset: try position(offset, plus: done))
        }
    }

    /// Writes the whole buffer at a byte offset.
    public borrowing func writeAll(
        from buffer: UnsafeRawBufferPointer, atOffset offset: UInt64
    ) throws(TransferError) {
        let number = rawValue
        try transferAll(buffer.count) { done throws(Errno) in
            try Syscall.pwrite(
                number, UnsafeRawBufferPointer(rebasing: buffer[done...]), offset: try position(offset, plus: done))
        }
    }
}

/// Repeats a partial transfer until `count` bytes are through.
private func transferAll(
    _ count: Int, _ transfer: (_ done: Int) throws(Errno) -> Int
) throws(TransferError) {
    var done = 0
    while done < count {
        let step: Int
        do throws(Errno) { step = try transfer(done) } catch { throw .failed(error, transferred: done) }
        guard step > 0 else { throw .endOfFile(transferred: done) }
        done += step
    }
}

private func position(_ offset: UInt64, plus done: Int) throws(Errno) -> Int64 {
    let (sum, overflow) = offset.addingReportingOverflow(UInt64(done))
    guard !overflow, let position = Int64(exactly: sum) else { throw .invalidArgument }
    return position
}
