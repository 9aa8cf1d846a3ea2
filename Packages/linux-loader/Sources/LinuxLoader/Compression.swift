// SPDX-License-Identifier: Apache-2.0

/// How a kernel is packed, told by its first bytes.
public enum Compression: String, Sendable, Hashable, CaseIterable, CustomStringConvertible {
    /// RFC 1952.
    case gzip
    /// The `.xz` container, with the x86 filter as Linux uses it.
    case xz
    /// RFC 8878.
    case zstd
    /// LZ4's legacy frame (`lz4 -l`), which Linux uses.
    case lz4Legacy
    /// Recognised so that the message can name it; not unpacked.
    case bzip2, lzma, lzo

    /// The name as users write it.
    public var description: String { self == .lz4Legacy ? "lz4" : rawValue }

    /// Recognises the magic numbers of linux/lib/decompress.c.
    public static func detect(_ prefix: some Collection<UInt8>) -> Compression? {
        for (magic, compression) in magics where prefix.starts(with: magic) { return compression }
        return nil
    }

    /// The longest magic, in bytes.
    static let longestMagic = 6

    private static let magics: [([UInt8], Compression)] = [
        ([0x1f, 0x8b], .gzip),
        ([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], .xz),
        ([0x28, 0xb5, 0x2f, 0xfd], .zstd),
        ([0x02, 0x21, 0x4c, 0x18], .lz4Legacy),
        ([0x42, 0x5a, 0x68], .bzip2),
        ([0x5d, 0x00, 0x00], .lzma),
        ([0x89, 0x4c, 0x5a, 0x4f], .lzo),
    ]
}

/// Unpacks kernels. `LinuxLoaderCompression` has one over the usual libraries; a closure-like type of your own works too.
public protocol Decompressor: Sendable {
    /// Unpacks all of `input` to the start of `output` and never writes past it.
    ///
    /// - Returns: the number of bytes written.
    func decompress(
        _ input: UnsafeRawBufferPointer, as compression: Compression, into output: UnsafeMutableRawBufferPointer
    ) throws(DecompressionError) -> Int
}

/// Why packed bytes did not unpack.
public enum DecompressionError: Error, Equatable, Sendable, CustomStringConvertible {
    /// This decompressor does not know the format.
    case unsupported
    /// Damaged, by the library's own code where it has one.
    case corrupt(code: Int)
    /// The data ends too early.
    case truncated
    /// The result does not fit the space given.
    case outputFull(capacity: Int)
    /// Bytes follow the end of the packed data.
    case trailingData(byteCount: Int)
    /// The library found no memory, or refused to use as much as the data asks for.
    case memory

    /// One line, lower case.
    public var description: String {
        switch self {
        case .unsupported: "format not supported"
        case .corrupt(let code): "data is damaged (code \(code))"
        case .truncated: "data ends early"
        case .outputFull(let capacity): "result is larger than \(capacity) bytes"
        case .trailingData(let byteCount): "\(byteCount) bytes follow the end of the data"
        case .memory: "not enough memory"
        }
    }
}
