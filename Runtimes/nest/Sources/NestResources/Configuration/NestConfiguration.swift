// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// What an operator can set on a host: one file, read anew for every pod.
public struct NestConfiguration: Equatable, Sendable {
    /// The guest kernel, an uncompressed ELF.
    public var kernel: String
    /// The guest's initial file system: the loader and the modules it boots with.
    public var initramfs: String
    /// The read-only disk with the agent and crun that all VMs share.
    public var systemImage: String
    /// The VMM, a static executable.
    public var swiftlet: String
    /// Memory of a pod whose containers name no limit.
    public var defaultMemoryMiB = 256
    /// Memory that a guest gets beside its containers' limit, for kernel and agent.
    public var overheadMiB = 72
    /// Memory that the host's cgroup allows beyond the VM's, for VMM and shim.
    public var hostOverheadMiB = 32
    /// How long a VMM may take until it answers.
    public var bootSeconds = 60
    /// The first of the user ids that VMMs run as.
    public var vmUserIDBase = 1_900_000_000
    /// How many there are, and so how many VMs.
    public var vmUserIDCount = 65_536

    /// Where pods have their state while they run; a tmpfs.
    public var stateDirectory = "/run/nest"
    /// Where root images are kept.
    public var imageCacheDirectory = "/var/lib/nest/images"
    /// What the images together may take.
    public var imageCacheMiB = 16_384
    /// Where writable layers lie, on a disk: their files have no name while they are used.
    public var scratchDirectory = "/var/lib/nest/scratch"
    /// The size of a container's writable layer as the guest sees it.
    public var scratchMiB = 10_240

    /// The most that an image's files may hold, before compression.
    public var imageBuildMiB = 16_384
    /// The most files that an image may have.
    public var imageBuildFiles = 2_000_000
    /// How long a build may take.
    public var imageBuildSeconds = 300

    /// Words for the end of the guest kernel's command line.
    public var kernelParameters = ""
    /// Whether VMM, shim and agent run behind filters of system calls.
    public var isConfined = true
    /// A file that may name a container and a step to hold its pod at; empty for none.
    public var holdFile = ""

    /// What holds where no file says otherwise.
    /// - Parameter prefix: where the programs were installed.
    public init(prefix: String = "/usr/local") {
        kernel = prefix + "/lib/nest/vmlinux"
        initramfs = prefix + "/lib/nest/initramfs"
        systemImage = prefix + "/lib/nest/system.erofs"
        swiftlet = prefix + "/bin/swiftlet"
    }

    /// Bytes of a container's writable layer.
    public var scratchBytes: UInt64 { UInt64(clamping: scratchMiB) << 20 }
    /// Bytes that the images together may take.
    public var imageCacheBytes: UInt64 { UInt64(clamping: imageCacheMiB) << 20 }
    /// Bytes that an image's files may hold.
    public var imageBuildBytes: UInt64 { UInt64(clamping: imageBuildMiB) << 20 }
}

extension NestConfiguration {
    /// Where the file is looked for when nobody names one.
    public static let defaultPath = "/etc/nest/config.toml"

    /// Where the running program was installed: `/usr/local` for `/usr/local/bin/nest`; `/usr/local` too where the program
    /// is in no `bin`.
    public static var installedPrefix: String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink("/proc/self/exe", &buffer, buffer.count)
        guard count > 0 else { return "/usr/local" }
        let path = String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return prefix(ofProgram: path)
    }

    /// The folder above a program's `bin`.
    static func prefix(ofProgram path: String) -> String {
        let parts = path.split(separator: "/", omittingEmptySubsequences: true)
        guard parts.count >= 2, parts[parts.count - 2] == "bin" else { return "/usr/local" }
        return parts.dropLast(2).map { "/" + $0 }.joined()
    }
}
