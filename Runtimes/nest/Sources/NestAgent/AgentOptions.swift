// SPDX-License-Identifier: Apache-2.0

/// What an agent is and where its things are.
public struct AgentOptions: Sendable {
    /// Where calls, log readers and standard streams come in.
    public enum Listeners: Equatable, Sendable {
        /// The ports of `AgentPort`, from the host alone.
        case vsock
        /// Unix sockets `calls`, `log` and `streams` in a directory, to try the agent without a machine. A client of
        /// `streams` binds itself to an abstract name that ends in the number of its port.
        case directory(String)
    }

    /// Process 1 of a machine: mounts what a system needs, and turns the machine off at the end.
    public var isInit = false
    /// See `Listeners`.
    public var listeners = Listeners.vsock
    /// The program that makes containers.
    public var crun = "/usr/bin/crun"
    /// A directory with a folder for each container.
    public var containerDirectory = "/run/kata-containers"
    /// The agent's own files; they need not outlive it.
    public var runDirectory = "/run/nest-agent"
    /// How much is logged.
    public var logLevel = AgentLogLevel.info
    /// Whether the agent's threads run behind a filter of system calls. What it starts never does.
    public var isConfined = true
    /// A death that a test has ordered.
    public var fault: AgentFault?

    /// The options of a machine's agent.
    public init() {}

    /// Options for an ordinary process, from a command line of `--name value` pairs.
    /// - Returns: nil if a word is not known or a value is missing.
    public init?(arguments: [String]) {
        var rest = arguments[...]
        while let name = rest.popFirst() {
            guard let value = rest.popFirst() else { return nil }
            switch name {
            case "--listen": listeners = .directory(value)
            case "--crun": crun = value
            case "--containers": containerDirectory = value
            case "--run": runDirectory = value
            case "--seccomp":
                guard value == "on" || value == "off" else { return nil }
                isConfined = value == "on"
            case "--log":
                guard let level = AgentLogLevel(word: value) else { return nil }
                logLevel = level
            default: return nil
            }
        }
    }

    /// Takes what concerns the agent from the kernel's command line; words that do not are left alone.
    public mutating func read(kernelCommandLine: String) {
        for word in kernelCommandLine.split(whereSeparator: \.isWhitespace) {
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2 else { continue }
            switch parts[0] {
            case "agent.log": logLevel = AgentLogLevel(word: parts[1]) ?? logLevel
            case "agent.seccomp": isConfined = parts[1] != "off"
            case "agent.fault": fault = AgentFault(word: parts[1])
            default: continue
            }
        }
    }
}
