// SPDX-License-Identifier: Apache-2.0

/// One line of the configuration file: the only place that knows a key's name, meaning and limits. The parser, the default
/// file and the documentation walk this table.
struct ConfigurationKey: Sendable {
    /// What a value may be.
    enum Kind: Sendable {
        /// An absolute path.
        case path(any WritableKeyPath<NestConfiguration, String> & Sendable)
        /// An absolute path, or an empty text.
        case optionalPath(any WritableKeyPath<NestConfiguration, String> & Sendable)
        /// Printable ASCII of a bounded length.
        case words(any WritableKeyPath<NestConfiguration, String> & Sendable, limit: Int)
        /// A whole number in a range.
        case number(any WritableKeyPath<NestConfiguration, Int> & Sendable, ClosedRange<Int>)
        /// `true` or `false`.
        case flag(any WritableKeyPath<NestConfiguration, Bool> & Sendable)
    }

    let section: String
    let name: String
    let kind: Kind
    /// The comment above it, one line an element.
    let comment: [String]

    init(_ section: String, _ name: String, _ kind: Kind, _ comment: String...) {
        self.section = section
        self.name = name
        self.kind = kind
        self.comment = comment
    }

    /// The value as the file spells it.
    func text(in configuration: NestConfiguration) -> String {
        switch kind {
        case .path(let path), .optionalPath(let path), .words(let path, _): Self.quoted(configuration[keyPath: path])
        case .number(let path, _): String(configuration[keyPath: path])
        case .flag(let path): String(configuration[keyPath: path])
        }
    }

    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for character in text {
            if character == "\"" || character == "\\" { quoted.append("\\") }
            quoted.append(character)
        }
        return quoted + "\""
    }

    static let all: [ConfigurationKey] = [
        ConfigurationKey("vm", "kernel", .path(\.kernel), "The guest kernel: an uncompressed ELF (vmlinux)."),
        ConfigurationKey(
            "vm", "initramfs", .path(\.initramfs), "The loader and the modules that the guest boots with."),
        ConfigurationKey(
            "vm", "system_image", .path(\.systemImage), "The read-only disk with agent and crun, shared by all VMs."),
        ConfigurationKey("vm", "swiftlet", .path(\.swiftlet), "The VMM: a static executable."),
        ConfigurationKey(
            "vm", "default_memory", .number(\.defaultMemoryMiB, 32...1_048_576),
            "MiB for the containers of a pod that names no memory limit."),
        ConfigurationKey(
            "vm", "guest_overhead", .number(\.overheadMiB, 16...65_536),
            "MiB that a guest gets beside that, for its kernel and agent; a 32nd of that memory",
            "comes on top."),
        ConfigurationKey(
            "vm", "host_overhead", .number(\.hostOverheadMiB, 8...65_536),
            "MiB that the container's cgroup on the host allows beyond the VM's memory,",
            "for the VMM and the shim; a 256th of that memory comes on top."),
        ConfigurationKey(
            "vm", "boot_timeout", .number(\.bootSeconds, 1...600), "Seconds until a VMM that does not answer is ended."),
        ConfigurationKey(
            "vm", "first_user", .number(\.vmUserIDBase, 1000...2_147_000_000),
            "Every VMM runs as a user of its own: the first user id. None of the range may",
            "belong to anybody, subordinate ids (/etc/subuid) included."),
        ConfigurationKey(
            "vm", "users", .number(\.vmUserIDCount, 1...400_000), "How many ids there are, and so how many VMs at once."
        ),
        ConfigurationKey(
            "storage", "state_directory", .path(\.stateDirectory), "State of running pods; on a tmpfs."),
        ConfigurationKey(
            "storage", "image_cache", .path(\.imageCacheDirectory), "Root images, made from the layers of containers."),
        ConfigurationKey(
            "storage", "image_cache_size", .number(\.imageCacheMiB, 16...1_073_741_824),
            "MiB that they may take together; the least recently used go first."),
        ConfigurationKey(
            "storage", "scratch_directory", .path(\.scratchDirectory), "Writable layers of containers; on a disk."),
        ConfigurationKey(
            "storage", "scratch_size", .number(\.scratchMiB, 16...16_777_216),
            "MiB of a container's writable layer. It takes what is written, not this."),
        ConfigurationKey(
            "image", "max_size", .number(\.imageBuildMiB, 1...1_073_741_824),
            "MiB that the files of a root image may hold; over it Create fails."),
        ConfigurationKey(
            "image", "max_files", .number(\.imageBuildFiles, 1...1_000_000_000), "Files that it may have."),
        ConfigurationKey(
            "image", "max_seconds", .number(\.imageBuildSeconds, 1...86_400), "Seconds that its build may take."),
        ConfigurationKey(
            "debug", "kernel_parameters", .words(\.kernelParameters, limit: 512),
            "Words for the end of the guest kernel's command line, such as agent.log=debug."),
        ConfigurationKey(
            "debug", "seccomp", .flag(\.isConfined),
            "Whether VMM, shim and agent run behind filters of system calls: false to look at them with other tools."),
        ConfigurationKey(
            "debug", "hold", .optionalPath(\.holdFile),
            "A file. While it says `CONTAINER STEP`, the pod of that container waits at that step:",
            "for tests of what dies where. The steps are those that the log times."),
    ]
}

extension NestConfiguration {
    /// The default file, with a comment on each key. Every value stands as a comment, so that a new release's defaults
    /// reach who changed nothing.
    public static func defaultText(prefix: String = "/usr/local") -> String {
        let defaults = NestConfiguration(prefix: prefix)
        var text = """
            # Configuration of the nest container runtime, read whenever a pod starts.
            # `key = value` under a `[section]`; a key that is not known here is an error.
            # What stands behind a '#' below is the default.

            """
        var section = ""
        for key in ConfigurationKey.all {
            if key.section != section {
                section = key.section
                text += "\n[\(section)]\n"
            }
            for line in key.comment { text += "# \(line)\n" }
            text += "#\(key.name) = \(key.text(in: defaults))\n"
        }
        return text
    }

    /// A file that says what this configuration does.
    package var text: String {
        var text = ""
        var section = ""
        for key in ConfigurationKey.all {
            if key.section != section {
                section = key.section
                text += "[\(section)]\n"
            }
            text += "\(key.name) = \(key.text(in: self))\n"
        }
        return text
    }

    /// The default file for programs under `/usr/local`.
    public static var defaultText: String { defaultText() }
}
