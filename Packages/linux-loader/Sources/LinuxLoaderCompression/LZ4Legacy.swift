// SPDX-License-Identifier: Apache-2.0
internal import CLZ4
internal import LinuxLoader

/// The legacy frame (lz4_Frame_format.md, "Legacy frame"): a magic, then blocks of a 32-bit length and data, each of
/// which unpacks to 8 MiB, the last one to less. There is no end mark.
func decompressLZ4Legacy(
    _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
) throws(DecompressionError) -> Int {
    let blockByteCount = 8 << 20
    let magic: UInt32 = 0x184c_2102
    var position = 0
    var produced = 0
    var sawMagic = false
    while position < input.count {
        guard input.count - position >= 4 else { throw .truncated }
        let length = UInt32(littleEndian: input.loadUnaligned(fromByteOffset: position, as: UInt32.self))
        position += 4
        // Another magic starts the next frame of concatenated ones.
        if length == magic {
            sawMagic = true
            continue
        }
        guard sawMagic, length > 0, let count = Int32(exactly: length),
            Int(count) <= LZ4_compressBound(Int32(blockByteCount))
        else { throw .corrupt(code: 0) }
        guard Int(count) <= input.count - position else { throw .truncated }
        guard produced < output.count else { throw .outputFull(capacity: output.count) }
        let room = Int32(min(blockByteCount, output.count - produced))
        let result = LZ4_decompress_safe(
            input.baseAddress?.advanced(by: position).assumingMemoryBound(to: CChar.self),
            output.baseAddress?.advanced(by: produced).assumingMemoryBound(to: CChar.self), count, room)
        guard result >= 0 else { throw .corrupt(code: Int(result)) }
        position += Int(count)
        produced += Int(result)
    }
    guard sawMagic else { throw .truncated }
    return produced
}
