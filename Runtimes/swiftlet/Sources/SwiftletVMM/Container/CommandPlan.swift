// SPDX-License-Identifier: Apache-2.0

/// What the guest's init shall run, and where.
public struct CommandPlan: Equatable, Sendable {
    /// The command and its arguments.
    public var arguments: [String]
    /// `NAME=value` each.
    public var environment: [String]
    /// The directory to start in, inside the root.
    public var directory: String
    /// The guest's block device that holds the root.
    public var root: String

    /// A plan with the environment that a login would give.
    public init(
        arguments: [String],
        environment: [String] = [
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "TERM=xterm",
        ],
        directory: String = "/",
        root: String = "/dev/vda"
    ) {
        self.arguments = arguments
        self.environment = environment
        self.directory = directory
        self.root = root
    }

    /// An archive that holds the plan where the init looks for it; it goes behind the initramfs in guest memory.
    ///
    /// A file has no limit on its length and needs no quoting, unlike the kernel's command line.
    public func archive() -> [UInt8] {
        var records: [UInt8] = []
        func add(_ key: String, _ value: String) { records += Array("\(key)=\(value)".utf8) + [0] }
        add("root", root)
        add("cwd", directory)
        for argument in arguments { add("arg", argument) }
        for variable in environment { add("env", variable) }
        var archive = CPIOArchive()
        archive.addDirectory("swiftlet")
        archive.addFile("swiftlet/run", mode: 0o600, contents: records)
        return archive.finish()
    }
}

/// How the command ended, as the guest's init reports it in one line on the status port.
public enum CommandStatus: Equatable, Sendable {
    /// It ended with this status.
    case exited(UInt8)
    /// A signal of this number ended it.
    case signalled(UInt8)
    /// There is no such command in the image.
    case notFound
    /// It is there and cannot be executed.
    case notExecutable
    /// The init could not come so far; the text says why.
    case failed(String)

    /// Parses a line without its newline. The guest is hostile: any other text is nil.
    public init?(line: String) {
        let words = line.split(separator: " ", maxSplits: 1)
        switch (words.first, words.dropFirst().first) {
        case ("exited", let value?): guard let status = UInt8(value) else { return nil }; self = .exited(status)
        case ("signalled", let value?):
            guard let signal = UInt8(value), (1...64).contains(signal) else { return nil }
            self = .signalled(signal)
        case ("notfound", nil): self = .notFound
        case ("notexecutable", nil): self = .notExecutable
        case ("failed", let text?):
            self = .failed(String(text.unicodeScalars.filter { $0.value >= 32 && $0.value < 127 }))
        default: return nil
        }
    }

    /// The exit status that a shell would give.
    public var exitStatus: UInt8 {
        switch self {
        case .exited(let status): status
        case .signalled(let signal): 128 + signal
        case .notFound: 127
        case .notExecutable: 126
        case .failed: 125
        }
    }
}
