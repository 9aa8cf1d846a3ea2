// SPDX-License-Identifier: Apache-2.0

/// Why a setting is refused. The descriptions begin as clients of the interface expect them.
public enum ConfigError: Error, Equatable, Sendable {
    /// The text does not decode.
    case json(JSONFault)
    /// The id of the path is not that of the body.
    case idMismatch
    /// PUT or PATCH with nothing in it.
    case emptyRequest(String)
    /// GET with something in it.
    case bodyInGet
    /// A device without its id.
    case emptyID
    /// An id that cannot be.
    case invalidID
    /// No such endpoint.
    case unknownRequest(method: String, path: String)
    /// Kernel, initrd or command line.
    case bootSource(MachineError)
    /// CPUs or memory.
    case machineConfig(MachineSettings.Fault)
    /// A device, for a reason of its own.
    case device(prefix: String, String)
    /// A device, because of the host.
    case host(prefix: String, MachineError)
    /// Only before the start.
    case notSupportedAfterBoot
    /// Only after it.
    case notSupportedBeforeBoot
    /// Something that the interface defines and that cannot be served yet.
    case notSupported(String)
    /// Nobody in the guest reads its keyboard.
    case keyboardUnread
    /// The machine could not be started.
    case start(String)
}

extension ConfigError: CustomStringConvertible {
    /// One line. Control characters in a client's words are shown as JSON writes them.
    public var description: String {
        text.unicodeScalars.reduce(into: "") { line, scalar in
            switch scalar {
            case "\n": line += "\\n"
            case "\r": line += "\\r"
            case "\t": line += "\\t"
            case _ where scalar.properties.generalCategory == .control:
                let digits = String(scalar.value, radix: 16)
                line += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: line.unicodeScalars.append(scalar)
            }
        }
    }

    private var text: String {
        switch self {
        case .json(let fault): "An error occurred when deserializing the json body of a request: \(fault)."
        case .idMismatch: "The id from the path does not match the id from the body!"
        case .emptyRequest(let method): "Empty \(method) request."
        case .bodyInGet: "GET request cannot have a body."
        case .emptyID: "The ID cannot be empty."
        case .invalidID: "API Resource IDs can only contain alphanumeric characters and underscores."
        case .unknownRequest(let method, let path): "Invalid request method and/or path: \(method) \(path)."
        case .bootSource(let error): "Boot source error: \(error)"
        case .machineConfig(let fault): "Machine config error: \(fault)"
        case .device(let prefix, let text): "\(prefix): \(text)"
        case .host(let prefix, let error): "\(prefix): \(error)"
        case .notSupportedAfterBoot: "The requested operation is not supported after starting the microVM."
        case .notSupportedBeforeBoot: "The requested operation is not supported before starting the microVM."
        case .notSupported(let what): "The requested operation is not supported: \(what)"
        case .keyboardUnread: "Internal VMM error: the guest does not read its keyboard."
        case .start(let text): "Start microvm error: \(text)"
        }
    }
}
