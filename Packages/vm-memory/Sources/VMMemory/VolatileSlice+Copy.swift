// SPDX-License-Identifier: Apache-2.0
internal import CVMMemory

extension VolatileSlice {
    /// Copies bytes out, all or none. Aligned fields of up to 8 bytes are not torn.
    public func copy(into buffer: UnsafeMutableRawBufferPointer, atByteOffset offset: UInt64 = 0)
        throws(GuestMemoryError)
    {
        copyOut(try pointer(offset, UInt64(buffer.count)), buffer)
    }

    /// Copies bytes in, all or none. Aligned fields of up to 8 bytes are not torn.
    public func copy(from buffer: UnsafeRawBufferPointer, atByteOffset offset: UInt64 = 0) throws(GuestMemoryError) {
        copyIn(try writablePointer(offset, UInt64(buffer.count)), buffer)
        mark(offset, UInt64(buffer.count))
    }

    /// Copies this slice's bytes into another slice of at least the same length, at its start. The two may overlap only
    /// if they start at the same byte.
    public func copy(to other: VolatileSlice) throws(GuestMemoryError) {
        let target = try other.writablePointer(0, byteCount)
        withUnsafeTemporaryAllocation(byteCount: 1024, alignment: 16) { bytes in
            var done: UInt64 = 0
            while done < byteCount {
                let count = Int(min(UInt64(bytes.count), byteCount &- done))
                let part = UnsafeMutableRawBufferPointer(rebasing: bytes[..<count])
                copyOut(hostAddress + Int(truncatingIfNeeded: done), part)
                copyIn(target + Int(truncatingIfNeeded: done), UnsafeRawBufferPointer(part))
                done &+= UInt64(count)
            }
        }
        other.mark(0, byteCount)
    }

    @usableFromInline
    func copyOut(_ pointer: UnsafeMutableRawPointer, _ buffer: UnsafeMutableRawBufferPointer) {
        guard let base = buffer.baseAddress else { return }
        vmm_copy_out(base, pointer, buffer.count)
    }

    @usableFromInline
    func copyIn(_ pointer: UnsafeMutableRawPointer, _ buffer: UnsafeRawBufferPointer) {
        guard let base = buffer.baseAddress else { return }
        vmm_copy_in(pointer, base, buffer.count)
    }
}
