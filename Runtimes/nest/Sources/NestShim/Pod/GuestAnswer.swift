// SPDX-License-Identifier: Apache-2.0
internal import NestModel
package import NestProtocols
package import SwiftProtobuf
package import TTRPC

/// What the agent's answers come to. A guest that owns its kernel speaks in the agent's place: no answer may cost the shim more
/// than a sane one by far, nor reach a client's terminal as it is.
package enum GuestAnswer {
    /// Bytes of an answer. The largest real one has the statistics of all disks and interfaces of a guest, some KiB; decoded, a
    /// message can be fifty times as large as its bytes.
    package static let byteLimit = 64 << 10
    /// Bytes of a failure's reason.
    package static let reasonByteLimit = 2048

    /// Decodes an answer.
    /// - Parameters:
    ///   - bytes: as they came.
    ///   - method: named in the error.
    package static func decoded<Content: Message>(
        _ bytes: [UInt8], of method: String
    ) throws(TTRPCStatus) -> Content {
        guard bytes.count <= byteLimit else {
            throw TTRPCStatus(
                .internalError,
                "the guest's answer to \(method) has \(bytes.count) bytes; at most \(byteLimit) are taken")
        }
        return try decode(bytes, what: "the guest's answer to \(method)", code: .internalError)
    }

    /// A process's status, as clients know it: 0 to 255.
    package static func exitStatus(_ answer: AgentWaitProcessResponse) -> UInt32 {
        UInt32(clamping: min(max(0, answer.status), 255))
    }

    /// A failure as a client may see it: its reason a line of a bounded length, and nothing attached that the shim cannot read.
    package static func failure(_ status: TTRPCStatus) -> TTRPCStatus {
        TTRPCStatus(status.code, PlainLine.of(status.message, byteLimit: reasonByteLimit))
    }
}
