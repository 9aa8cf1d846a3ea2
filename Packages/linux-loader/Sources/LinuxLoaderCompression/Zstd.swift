// SPDX-License-Identifier: Apache-2.0
internal import CZstd
internal import LinuxLoader

/// One or more zstd frames. Decoding into one buffer needs no window besides, whatever the header asks for.
func decompressZstd(
    _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
) throws(DecompressionError) -> Int {
    // No frame at all is fine for the library.
    guard !input.isEmpty else { throw .truncated }
    let result = ZSTD_decompress(output.baseAddress, output.count, input.baseAddress, input.count)
    guard ZSTD_isError(result) != 0 else { return result }
    // Error codes are returned as negative sizes; the numbers are those of zstd_errors.h, stable since 1.3.1.
    let code = 0 &- Int(result)
    switch code {
    case 70: throw .outputFull(capacity: output.count)
    case 72: throw .truncated
    case 64: throw .memory
    default: throw .corrupt(code: code)
    }
}
