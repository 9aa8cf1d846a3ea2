// SPDX-License-Identifier: Apache-2.0
internal import CNestResources
internal import VMMSysUtil

/// What a root image is kept under: device, inode and birth time of each layer's directory in their order, and the
/// builder. A directory that was removed and made again has a new birth time even where it gets its old number back.
struct ImageKey: Equatable {
    /// A file name.
    let name: String

    /// Counted up when the same layers make another image.
    static let version = 1

    /// - Parameter builder: the program's path; a new one is a new key.
    init(_ layers: RootLayers, builder: String) throws(RootImageError) {
        var digest = Digest()
        digest.add(UInt64(Self.version))
        digest.add(layers.overlayOptions.joined(separator: ","))
        let tool = try Self.identify(builder)
        digest.add(tool.size)
        digest.add(UInt64(bitPattern: tool.modified_seconds))
        digest.add(UInt64(tool.modified_nanoseconds))
        for directory in layers.directories {
            let identity = try Self.identify(directory)
            digest.add(UInt64(identity.device_major) << 32 | UInt64(identity.device_minor))
            digest.add(identity.inode)
            digest.add(UInt64(bitPattern: identity.birth_seconds))
            // A file system without birth times has the time of the last change there, which is another statement.
            digest.add(UInt64(identity.birth_nanoseconds) << 1 | UInt64(identity.has_birth == 0 ? 1 : 0))
        }
        name = digest.hex
    }

    private static func identify(_ path: String) throws(RootImageError) -> nest_identity {
        var identity = nest_identity()
        guard !path.utf8.contains(0), nest_identify(path, &identity) == 0 else {
            throw .file(operation: "examine", path: path, .last)
        }
        return identity
    }
}

/// Numbers and texts, each with its length known, to one name. The cache is one for all pods of a host: nobody may find two
/// sets of layers with one name.
struct Digest {
    private var bytes: [UInt8] = []

    mutating func add(_ number: UInt64) {
        for shift in stride(from: 56, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: number >> shift)) }
    }

    mutating func add(_ text: String) {
        add(UInt64(text.utf8.count))
        bytes += text.utf8
    }

    /// 64 lower-case digits.
    var hex: String { SHA256.hexadecimal(of: bytes) }
}
