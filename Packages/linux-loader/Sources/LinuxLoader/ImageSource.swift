// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import VMMSysUtil

/// Random access to the bytes of an image, wherever they are. Reads are exact or throw.
protocol ImageSource {
    /// All bytes there are.
    var byteCount: UInt64 { get }
    /// Fills `buffer` from `offset`; the caller has checked that the range is inside.
    func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(KernelImageError)
}

extension ImageSource {
    /// Copies a small header out, so that it is read once and cannot change between check and use.
    func fetch(_ part: ImagePart, at offset: UInt64, count: Int) throws(KernelImageError) -> Fields {
        try check(part, at: offset, count: UInt64(count))
        var fields = Fields(count: count)
        try fields.fill { (buffer) throws(KernelImageError) in try self.read(at: offset, into: buffer) }
        return fields
    }

    /// Throws unless `count` bytes from `offset` lie inside.
    func check(_ part: ImagePart, at offset: UInt64, count: UInt64) throws(KernelImageError) {
        let (end, overflow) = offset.addingReportingOverflow(count)
        guard !overflow, end <= byteCount else {
            throw .truncated(part, needed: overflow ? .max : end, available: byteCount)
        }
    }
}

/// An image in host memory. The pointer is borrowed for the length of one call.
struct BufferSource: ImageSource {
    let bytes: UnsafeRawBufferPointer
    var byteCount: UInt64 { UInt64(bytes.count) }

    func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(KernelImageError) {
        guard let start = Int(exactly: offset), start <= bytes.count, buffer.count <= bytes.count - start else {
            throw .truncated(.file, needed: offset &+ UInt64(buffer.count), available: byteCount)
        }
        buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[start..<start + buffer.count]))
    }
}

/// An image in a file, read with `pread`. Files are never mapped: one that shrinks meanwhile would raise SIGBUS.
struct FileSource: ImageSource {
    let rawDescriptor: Int32
    let byteCount: UInt64

    /// Takes the size of a regular file; the descriptor must outlive this value.
    init(_ file: borrowing FileDescriptor) throws(KernelImageError) {
        rawDescriptor = file.rawValue
        var status = stat()
        guard fstat(rawDescriptor, &status) == 0 else { throw .read(offset: 0, .last) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .notARegularFile }
        guard status.st_size > 0 else { throw .empty }
        byteCount = UInt64(status.st_size)
    }

    func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(KernelImageError) {
        var done = 0
        while done < buffer.count {
            guard let position = off_t(exactly: offset &+ UInt64(done)) else {
                throw .truncated(.file, needed: offset, available: byteCount)
            }
            let count: Int
            do throws(Errno) {
                let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
                count = try retryOnInterrupt { pread(rawDescriptor, rest.baseAddress, rest.count, position) }
            } catch {
                throw .read(offset: offset, error)
            }
            guard count > 0 else {
                throw .truncated(.file, needed: offset &+ UInt64(buffer.count), available: UInt64(position))
            }
            done += count
        }
    }
}
