// SPDX-License-Identifier: Apache-2.0

/// Why a setting is refused. The descriptions begin as clients of the interface expect them.
public enum ConfigError: Error, Equatable, Sendable {
    /// The text does not decode.
    case json(JSONFault)
    /// The id of the path is not that of the body.
    case idMismatch
    /// A change that changes nothing.
    case emptyChange
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
    /// The machine could not be started.
    case start(String)
}

extension ConfigError: CustomStringConvertible {
    /// One line.
    public var description: String {
        switch self {
        case .json(let fault): "An error occurred when deserializing the json body of a request: \(fault)."
        case .idMismatch: "The id from the path does not match the id from the body!"
        case .emptyChange: "Empty PATCH request."
        case .bootSource(let error): "Boot source error: \(error)"
        case .machineConfig(let fault): "Machine config error: \(fault)"
        case .device(let prefix, let text): "\(prefix): \(text)"
        case .host(let prefix, let error): "\(prefix): \(error)"
        case .notSupportedAfterBoot: "The requested operation is not supported after starting the microVM."
        case .notSupportedBeforeBoot: "The requested operation is not supported before starting the microVM."
        case .notSupported(let what): "The requested operation is not supported: \(what)"
        case .start(let text): "Start microvm error: \(text)"
        }
    }
}
