// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import NestProtocols
internal import SwiftProtobuf
internal import VMMSysUtil

/// What containerd 2.3 and later write on standard input at `start`.
///
/// Older ones write the runtime's options there, whose encoding also parses as this message; odd input is never an error.
struct Bootstrap: Equatable, Sendable {
    var debug = false
    var ttrpcAddress = ""
    var grpcAddress = ""
    var socketDirectory: String?

    /// Reads the message; nil unless it names this container and this namespace, as only the real one does.
    init?(_ bytes: [UInt8], id: String, namespace: String) {
        guard !bytes.isEmpty, let message = try? BootstrapBootstrapParams(serializedBytes: bytes) else { return nil }
        guard message.instanceID == id, message.namespace == namespace else { return nil }
        debug = message.logLevel < 0
        ttrpcAddress = message.containerdTtrpcAddress
        grpcAddress = message.containerdGrpcAddress
        socketDirectory = message.hasSocketDir ? message.socketDir : nil
    }

    /// All of standard input, at most 1 MiB; empty if it is a terminal.
    static func standardInput() -> [UInt8] {
        guard isatty(0) == 0 else { return [] }
        // Descriptor 0 stays open: `release` gives it back.
        let input = FileDescriptor(owning: 0)
        let bytes = (try? input.readToEnd(limit: 1 << 20)) ?? []
        _ = input.release()
        return bytes
    }
}
