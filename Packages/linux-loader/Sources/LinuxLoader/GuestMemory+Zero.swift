// SPDX-License-Identifier: Apache-2.0
internal import VMMemory

extension GuestMemory {
    /// Makes a range zero without touching pages that are zero already: fresh guest memory stays unpopulated, and a
    /// large BSS costs the host nothing until the guest uses it.
    func zero(from start: GuestAddress, byteCount: UInt64) throws(GuestMemoryError) {
        let chunk = 64 << 10
        var failure: GuestMemoryError?
        withUnsafeTemporaryAllocation(byteCount: chunk, alignment: 16) { buffer in
            do throws(GuestMemoryError) {
                var done: UInt64 = 0
                while done < byteCount {
                    guard let address = start.adding(done) else { throw .overflow(base: start.rawValue, offset: done) }
                    let count = Int(min(UInt64(chunk), byteCount - done))
                    let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
                    try read(at: address, into: part)
                    if part.contains(where: { $0 != 0 }) { try fill(0, at: address, byteCount: UInt64(count)) }
                    done += UInt64(count)
                }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
    }
}

extension Array where Element == UInt8 {
    /// `withUnsafeBytes` with a typed error.
    func withBytes<E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> Void) throws(E) {
        var failure: E?
        withUnsafeBytes { (bytes: UnsafeRawBufferPointer) in
            do throws(E) { try body(bytes) } catch { failure = error }
        }
        if let failure { throw failure }
    }
}

extension HostBuffer {
    /// Lends part of the content.
    func withBytes<Result>(
        at offset: UInt64, byteCount: UInt64, _ body: (UnsafeRawBufferPointer) throws(KernelLoadError) -> Result
    ) throws(KernelLoadError) -> Result {
        guard let start = Int(exactly: offset), let count = Int(exactly: byteCount), start <= bytes.count,
            count <= bytes.count - start
        else { throw .planMismatch }
        defer { withExtendedLifetime(self) {} }
        return try body(UnsafeRawBufferPointer(rebasing: bytes[start..<start + count]))
    }
}
