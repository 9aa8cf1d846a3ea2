// SPDX-License-Identifier: Apache-2.0
internal import VMMemory

/// Reads bytes as a script of accesses to a small memory with adjoining regions, a hole and an odd end, and compares
/// each with `ReferenceMemory`. A difference traps, which a fuzzer reports.
public func fuzzGuestMemory(_ bytes: UnsafeRawBufferPointer) {
    let places: [(UInt64, UInt64)] = [(0x1000, 0x100), (0x1100, 0x40), (0x1200, 0x33), (0xffff_ffff_ffff_ff00, 0xf8)]
    let ranges = places.compactMap { GuestRange(start: GuestAddress($0.0), byteCount: $0.1) }
    guard let memory = try? GuestMemory.anonymous(ranges, options: MappingOptions(dirtyPageByteCount: 64)) else {
        return
    }
    var model = ReferenceMemory(ranges)
    var index = 0
    func byte() -> UInt8 {
        guard index < bytes.count else { return 0 }
        defer { index += 1 }
        return bytes[index]
    }
    while index < bytes.count {
        let kind = byte()
        let low = UInt64(byte()) | UInt64(byte()) << 8
        let address = kind & 0x80 == 0 ? 0xf00 &+ low % 0x400 : 0xffff_ffff_ffff_fe00 &+ low % 0x200
        let count = Int(byte())
        switch kind & 3 {
        case 0:
            let data = (0..<count).map { UInt8(truncatingIfNeeded: $0 ^ index) }
            let done = (try? data.withUnsafeBytes { try memory.writeSome(at: GuestAddress(address), from: $0) }) ?? 0
            precondition(done == model.write(address, data), "write of \(count) at \(address): \(done)")
        case 1:
            var buffer = [UInt8](repeating: 0, count: count)
            let done =
                (try? buffer.withUnsafeMutableBytes { try memory.readSome(at: GuestAddress(address), into: $0) }) ?? 0
            precondition(Array(buffer[..<done]) == model.read(address, count), "read of \(count) at \(address)")
        case 2:
            let value = UInt64(count) &* 0x0101_0101_0101_0101
            let data = withUnsafeBytes(of: value) { Array($0) }
            let isDone = (try? memory.store(value, at: GuestAddress(address))) != nil
            precondition((model.write(address, data) == 8) == isDone, "store at \(address)")
        default:
            let data = model.read(address, 4)
            let value = try? memory.load(UInt32.self, at: GuestAddress(address))
            precondition((data.count == 4) == (value != nil), "load at \(address)")
            if let value { precondition(withUnsafeBytes(of: value) { Array($0) } == data, "load at \(address)") }
        }
    }
}
