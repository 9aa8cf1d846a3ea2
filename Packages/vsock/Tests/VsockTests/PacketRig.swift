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
        if Opener.isHost {
            rig.guest.listening = [52]
            program = try rig.backend.connect(.sequencedPacket)
            try program.send("CONNECT 52")
            try rig.guest.run()
            socket = try #require(rig.guest.incoming.first)
            #expect(program.receiveMessage() == .message(Array("OK 1073741824\n".utf8)))
        } else {
            socket = try rig.guest.connect(toHostPort: 52, type: .sequencedPacket)
            try rig.guest.run()
            program = try #require(rig.backend.accepted.first?.program)
        }
        #expect(socket.phase == .established && socket.type == .sequencedPacket)
    }

    /// A header of a packet of this connection.
    func header(_ operation: VsockOperation, payloadByteCount: Int = 0) -> VsockHeader {
        var header = guest.header(
            operation, port: socket.port, hostPort: socket.hostPort, payloadByteCount: UInt32(payloadByteCount))
        header.type = .sequencedPacket
        return header
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
        var header = header(.data, payloadByteCount: byteCount)
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
