// SPDX-License-Identifier: Apache-2.0
internal import CLZMA
internal import LinuxLoader

/// One `.xz` stream with whatever filters and integrity check it names.
func decompressXZ(
    _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
) throws(DecompressionError) -> Int {
    // The header may ask for a dictionary of up to 4 GiB; Linux uses at most 128 MiB.
    var memoryLimit: UInt64 = 256 << 20
    var consumed = 0
    var produced = 0
    let status = lzma_stream_buffer_decode(
        &memoryLimit, 0, nil, input.baseAddress?.assumingMemoryBound(to: UInt8.self), &consumed, input.count,
        output.baseAddress?.assumingMemoryBound(to: UInt8.self), &produced, output.count)
    switch status {
    case LZMA_OK:
        guard consumed == input.count else { throw .trailingData(byteCount: input.count - consumed) }
        return produced
    case LZMA_MEM_ERROR, LZMA_MEMLIMIT_ERROR: throw .memory
    // The one-shot decoder says BUF_ERROR for lack of room and DATA_ERROR for lack of input.
    case LZMA_BUF_ERROR: throw .outputFull(capacity: output.count)
    case LZMA_OPTIONS_ERROR: throw .unsupported
    default: throw .corrupt(code: Int(status.rawValue))
    }
}
