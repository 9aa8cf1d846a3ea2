// SPDX-License-Identifier: Apache-2.0
internal import CZlib
internal import LinuxLoader

/// One gzip member; its CRC and length are checked by zlib.
func decompressGzip(
    _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
) throws(DecompressionError) -> Int {
    var stream = z_stream()
    // 15 bits of window, 16 for the gzip wrapper and no other.
    guard inflateInit2_(&stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
        throw .memory
    }
    defer { inflateEnd(&stream) }
    // zlib counts in 32 bits, so larger buffers go in pieces.
    let piece = 1 << 30
    var consumed = 0
    var produced = 0
    while true {
        let inputCount = min(piece, input.count - consumed)
        let outputCount = min(piece, output.count - produced)
        stream.next_in = UnsafeMutablePointer(
            mutating: input.baseAddress?.advanced(by: consumed).assumingMemoryBound(to: Bytef.self))
        stream.avail_in = UInt32(inputCount)
        stream.next_out = output.baseAddress?.advanced(by: produced).assumingMemoryBound(to: Bytef.self)
        stream.avail_out = UInt32(outputCount)
        let status = inflate(&stream, Z_NO_FLUSH)
        let newInput = inputCount - Int(stream.avail_in)
        let newOutput = outputCount - Int(stream.avail_out)
        consumed += newInput
        produced += newOutput
        switch status {
        case Z_STREAM_END:
            guard consumed == input.count else { throw .trailingData(byteCount: input.count - consumed) }
            return produced
        case Z_OK where newInput > 0 || newOutput > 0: continue
        case Z_OK, Z_BUF_ERROR:
            if produced == output.count { throw .outputFull(capacity: output.count) }
            throw .truncated
        case Z_MEM_ERROR: throw .memory
        default: throw .corrupt(code: Int(status))
        }
    }
}
