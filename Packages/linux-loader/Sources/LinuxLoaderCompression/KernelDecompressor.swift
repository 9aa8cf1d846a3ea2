// SPDX-License-Identifier: Apache-2.0
public import LinuxLoader

/// Unpacks gzip, XZ, zstd and LZ4 (legacy frame) with zlib, liblzma, libzstd and liblz4.
///
/// All of them write into the room given, at most, and use a bounded amount of memory besides.
public struct KernelDecompressor: Decompressor {
    /// A decompressor; it holds no state and may be used from any thread.
    public init() {}

    /// Unpacks all of `input`.
    /// - Returns: the number of bytes written to the start of `output`.
    public func decompress(
        _ input: UnsafeRawBufferPointer, as compression: Compression, into output: UnsafeMutableRawBufferPointer
    ) throws(DecompressionError) -> Int {
        switch compression {
        case .gzip: try decompressGzip(input, into: output)
        case .xz: try decompressXZ(input, into: output)
        case .zstd: try decompressZstd(input, into: output)
        case .lz4Legacy: try decompressLZ4Legacy(input, into: output)
        case .bzip2, .lzma, .lzo: throw .unsupported
        }
    }
}
