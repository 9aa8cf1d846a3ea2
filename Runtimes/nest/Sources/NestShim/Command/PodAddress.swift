// SPDX-License-Identifier: Apache-2.0
internal import NestProtocols
internal import NestResources
internal import SwiftProtobuf
internal import VMMSysUtil

/// Which pod a container belongs to, and where that pod's shim listens.
struct PodAddress: Equatable, Sendable {
    /// The pod's name: the container's own unless an annotation groups it with others.
    var group: String
    /// The path of the socket.
    var path: String

    /// What is printed and written into the bundle. A plain address is the one form that every containerd understands.
    var text: String { "unix://" + path }

    /// - Parameters:
    ///   - containerdAddress: the path of containerd's gRPC socket; two containerds never share a pod.
    ///   - socketDirectory: what a newer containerd asks for; nil for the usual one.
    init(containerdAddress: String, namespace: String, group: String, socketDirectory: String? = nil) {
        self.group = group
        let name = SHA256.hexadecimal(of: Files.join(containerdAddress, namespace, group))
        let directory = socketDirectory.flatMap { $0.isEmpty ? nil : $0 } ?? "/run/containerd/s"
        path = "\(directory)/\(name)"
    }

    /// The pod of a bundle, by the annotation that CRI puts into its config.json; the container's own name without one,
    /// and without a config.json, which a sandbox's bundle may lack.
    static func group(ofBundle bundle: String, id: String) -> String {
        guard let bytes = try? Files.read("\(bundle)/config.json", limit: Specification.byteLimit) else { return id }
        var options = JSONDecodingOptions()
        options.ignoreUnknownFields = true
        guard let spec = try? OCISpec(jsonUTF8Bytes: bytes, options: options) else { return id }
        for key in ["io.kubernetes.cri.sandbox-id", "io.kubernetes.cri-o.SandboxID", "io.kubernetes.sandbox.id"] {
            if let group = spec.annotations[key], !group.isEmpty { return group }
        }
        return id
    }

    /// The pod's name for the VMM and for directories: letters and digits alone, the same for shim and `delete`.
    static func sandboxID(namespace: String, group: String) -> String {
        String(SHA256.hexadecimal(of: "\(namespace)/\(group)").prefix(32))
    }
}
