// SPDX-License-Identifier: Apache-2.0
import Testing
import Vsock
import VsockTestSupport

/// An open connection of packets and its program.
struct PacketRig {
    let rig: Rig
    let socket: GuestSocket
    let program: HostProgram
    var guest: GuestPeer { rig.guest }

    init(
        _ options: VsockOptions = VsockOptions(), queueSize: UInt16 = 64, guestBuffer: UInt32 = 256 << 10
    ) throws {
        rig = try Rig(options, queueSize: queueSize)
        rig.guest.bufferByteCount = guestBuffer
        socket = try rig.guest.connect(toHostPort: 52, type: .sequencedPacket)
        try rig.guest.run()
        #expect(socket.phase == .established)
        program = try #require(rig.backend.accepted.first?.program)
    }

    /// The guest's program sends, and waits for the host's to read if there is no room.
    func send(_ message: [UInt8], packetByteCount: Int = 64 << 10) throws {
        var done = 0
        repeat {
            done = try #require(
                try guest.send(message: message, after: done, on: socket, packetByteCount: packetByteCount))
            try guest.run()
        } while done < message.count
    }

    /// A packet as it is.
    func put(_ byteCount: Int, _ flags: VsockFlags = [], type: VsockSocketType = .sequencedPacket) throws {
        var header = guest.header(.data, port: socket.port, hostPort: 52, payloadByteCount: UInt32(byteCount))
        header.type = type
        header.flags = flags
        try guest.send(header, pattern(0..<byteCount))
    }

    /// What the guest's program reads.
    func read() throws -> GuestSocket.Message? {
        try guest.run()
        return try guest.readMessage(socket)
    }
}
