// SPDX-License-Identifier: Apache-2.0
internal import NestProtocols
internal import SwiftProtobuf

/// `-info` and `-v`: what this runtime is.
enum InfoAction {
    /// The version of the shim.
    static let version = "0.1.0"
    /// The name that a client calls the runtime by.
    static let runtimeName = "io.containerd.nest.v2"

    /// A serialized `containerd.types.RuntimeInfo`, for standard output.
    ///
    /// It names no mount types to be taken raw: containerd mounts what its newer snapshotters format, and nest takes the
    /// kinds that every version hands over.
    static func run(options: [UInt8]) -> [UInt8] {
        var info = BootstrapRuntimeInfo()
        info.name = runtimeName
        info.version.version = version
        // containerd shows the options it sent as what the runtime understood; odd ones are left out.
        if !options.isEmpty, let options = try? Google_Protobuf_Any(serializedBytes: options), !options.typeURL.isEmpty
        {
            info.options = options
        }
        return (try? info.serializedBytes()) ?? []
    }

    /// For `-v`.
    static let versionText = "containerd-shim-nest-v2 (\(runtimeName)) \(version)\n"
}
