// SPDX-License-Identifier: Apache-2.0
internal import SeccompilerBPF
internal import Vsock

/// Sockets between guest and host: Unix sockets on the host's side.
enum VsockKind: DeviceKind {
    typealias Change = NoChange

    static let name = "vsock"
    static let faultPrefix = "Vsock config error"
    static let isKeyed = false
    static let filters = [FilterPiece.vsock]
    /// The sockets' files are made with the device and go with it.
    static let holdsHostName = true

    static func make(_ config: VsockConfig, _ notice: (String) -> Void) throws(ConfigError) -> VsockDevice {
        guard let cid = GuestCID(UInt64(config.guestCID)) else {
            throw .device(
                prefix: faultPrefix, "guest_cid \(config.guestCID) is reserved: take one from 3 to 4294967294")
        }
        do throws(UnixSocketError) {
            return VsockDevice(
                guestCID: cid,
                backend: try UnixSocketBackend(path: config.udsPath, packetPath: config.packetUDSPath))
        } catch {
            throw .device(prefix: faultPrefix, "Cannot create backend for vsock device: \(error)")
        }
    }
}

/// `PUT /vsock`.
struct VsockConfig: JSONRecord {
    var guestCID: UInt32
    var udsPath: String
    /// Where the host's programs open connections of packets.
    var packetUDSPath: String?

    init(from fields: inout JSONFields) throws(JSONFault) {
        // Deprecated, and without an effect.
        _ = try fields.string("vsock_id")
        guestCID = try fields.requiredInteger("guest_cid", as: UInt32.self)
        udsPath = try fields.requiredString("uds_path")
        packetUDSPath = try fields.string("seqpacket_uds_path")
    }

    var json: JSONValue {
        .object(
            [.init("guest_cid", .integer(Int64(guestCID))), .init("uds_path", .string(udsPath))]
                // Firecracker's clients know nothing of it.
                + (packetUDSPath.map { [.init("seqpacket_uds_path", .string($0))] } ?? []))
    }
}
