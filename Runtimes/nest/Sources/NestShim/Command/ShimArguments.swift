// SPDX-License-Identifier: Apache-2.0

/// The shim's command line, in the syntax of Go's `flag` package, which containerd writes it for.
///
/// `-k v`, `-k=v` and `--k` are one and the same; the first word that is no flag is the action, and `--` ends the flags.
public struct ShimArguments: Equatable, Sendable {
    /// What to do; no action means to serve, which only the shim's own `start` asks for.
    public enum Action: Equatable, Sendable {
        /// Finds or starts the pod's shim and prints its address.
        case start
        /// Cleans up after a container whose shim is gone.
        case delete
        /// Serves the task API on descriptor 3.
        case serve
        /// Prints what this runtime is.
        case info
        /// Prints the version.
        case version
    }

    /// What to do.
    public var action = Action.serve
    /// containerd's namespace.
    public var namespace = ""
    /// The container's name.
    public var id = ""
    /// The path of containerd's gRPC socket.
    public var address = ""
    /// containerd's program.
    public var publishBinary = ""
    /// The bundle's directory; containerd gives it to `delete` alone, as the working directory to both.
    public var bundle = ""
    /// The shim's own socket; a path or a `unix://` address.
    public var socket = ""
    /// Whether to log much.
    public var isDebug = false

    /// Reads a command line without the program's name.
    public init(_ words: [String]) throws(ShimArgumentsError) {
        var rest = words[...]
        var positional: [String] = []
        while let word = rest.popFirst() {
            if word == "--" {
                positional = Array(rest)
                break
            }
            guard word.hasPrefix("-"), word != "-" else {
                positional = [word] + rest
                break
            }
            let flag = word.dropFirst(word.hasPrefix("--") ? 2 : 1)
            let parts = flag.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = parts.first.map(String.init) ?? ""
            try set(name, word: word, value: parts.count > 1 ? String(parts[1]) : nil, rest: &rest)
        }
        if action == .serve, let word = positional.first {
            switch word {
            case "start": action = .start
            case "delete": action = .delete
            default: throw .unknownAction(word)
            }
        }
        if action != .version, action != .info, namespace.isEmpty { throw .missing("namespace") }
        if action == .start || action == .delete, id.isEmpty { throw .missing("id") }
    }

    private mutating func set(
        _ name: String, word: String, value: String?, rest: inout ArraySlice<String>
    ) throws(ShimArgumentsError) {
        switch name {
        case "v", "version", "info", "debug":
            guard let isOn = Self.boolean(value ?? "true") else { throw .badValue(word) }
            guard isOn else { return }
            switch name {
            case "debug": isDebug = true
            case "info": action = .info
            default: action = .version
            }
        case "namespace", "id", "address", "publish-binary", "bundle", "socket", "debug-socket":
            guard let text = value ?? rest.popFirst() else { throw .needsValue(word) }
            switch name {
            case "namespace": namespace = text
            case "id": id = text
            case "address": address = text
            case "publish-binary": publishBinary = text
            case "bundle": bundle = text
            case "socket": socket = text
            default: break
            }
        default: throw .unknownFlag(word)
        }
    }

    /// The words that Go's `strconv.ParseBool` takes.
    private static func boolean(_ text: String) -> Bool? {
        switch text {
        case "1", "t", "T", "true", "TRUE", "True": true
        case "0", "f", "F", "false", "FALSE", "False": false
        default: nil
        }
    }
}

/// What is wrong with the command line.
public enum ShimArgumentsError: Error, Equatable, CustomStringConvertible {
    /// No flag of a shim.
    case unknownFlag(String)
    /// A flag without its value.
    case needsValue(String)
    /// A switch whose value is no truth value.
    case badValue(String)
    /// No action of a shim.
    case unknownAction(String)
    /// A flag that this action needs.
    case missing(String)

    /// One line; containerd shows it as the reason.
    public var description: String {
        switch self {
        case .unknownFlag(let word): "unknown flag \(word)"
        case .needsValue(let word): "flag \(word) needs a value"
        case .badValue(let word): "flag \(word) takes true or false"
        case .unknownAction(let word): "unknown action \(word): a shim is called by containerd with start or delete"
        case .missing(let name): "flag -\(name) is missing: a shim is called by containerd, not by hand"
        }
    }
}
