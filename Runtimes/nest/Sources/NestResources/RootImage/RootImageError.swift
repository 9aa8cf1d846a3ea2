// SPDX-License-Identifier: Apache-2.0
public import VMMSysUtil

/// Why a container's root cannot become an image.
public enum RootImageError: Error, Equatable, Sendable {
    /// More than one mount, or one below the root.
    case severalMounts(Int)
    /// A mount that only later releases take.
    case unsupportedMount(String)
    /// A mount that contradicts itself.
    case badMount(String)
    /// An overlay of more layers than the kernel takes.
    case tooManyLayers(Int, limit: Int)
    /// A directory or file cannot be used.
    case file(operation: String, path: String, Errno)
    /// The files hold more than the configuration allows.
    case tooManyBytes(limitMiB: Int)
    /// There are more files than the configuration allows.
    case tooManyFiles(limit: Int)
    /// The build takes longer than the configuration allows.
    case tooSlow(limitSeconds: Int)
    /// A file's name has 255 bytes, which the builder does not take.
    case longName
    /// The layers cannot be put together.
    case mount(String, Errno)
    /// The builder is missing.
    case noBuilder
    /// The disk of the cache is full.
    case noSpace(directory: String)
    /// The builder failed: its status and its last words.
    case builder(status: Int32, String)
}

extension RootImageError: CustomStringConvertible {
    /// One line for the client.
    public var description: String {
        switch self {
        case .severalMounts(let count): "cannot make a root image of \(count) mounts: only one is supported"
        case .unsupportedMount(let what):
            "cannot make a root image of a mount \(what): use a snapshotter that gives directories (overlayfs, native)"
        case .badMount(let why): "cannot make a root image of this mount: \(why)"
        case .tooManyLayers(let count, let limit):
            "cannot make a root image of \(count) layers: the kernel puts at most \(limit) together"
        case .file(let operation, let path, let error): "cannot \(operation) \(path): \(error)"
        case .tooManyBytes(let limit):
            "the root image would hold more than \(limit) MiB: raise max_size in [image] of the configuration"
        case .tooManyFiles(let limit):
            "the root image would have more than \(limit) files: raise max_files in [image] of the configuration"
        case .tooSlow(let limit):
            "making the root image took more than \(limit) seconds: raise max_seconds in [image] of the configuration"
        case .longName: "cannot make a root image of a file whose name has 255 bytes: mkfs.erofs takes 254"
        case .mount(let what, let error): "cannot mount \(what) to make the root image: \(error)"
        case .noBuilder: "cannot make a root image: mkfs.erofs is missing: apt-get install erofs-utils"
        case .noSpace(let directory): "cannot make the root image: the disk of \(directory) is full"
        case .builder(let status, let text): "cannot make the root image: mkfs.erofs ended with \(status): \(text)"
        }
    }
}
