// SPDX-License-Identifier: Apache-2.0
import Testing
import Vsock

@Suite struct ConnectionStateTests {
    static func packet(_ operation: VsockOperation, _ flags: VsockFlags = [], type: VsockSocketType = .stream)
        -> VsockHeader
    {
        VsockHeader(
            sourceCID: 3, destinationCID: 2, sourcePort: 1, destinationPort: 1, operation: operation, type: type,
            flags: flags, bufferByteCount: 4096)
    }

    static var requested: ConnectionState {
        var state = ConnectionState(hostOpensWithBuffer: 4096)
        _ = state.nextControl()
        return state
    }
    static var dialing: ConnectionState { ConnectionState(guestOpensWith: packet(.request), buffer: 4096) }
    static var established: ConnectionState {
        var state = dialing
        state.accept()
        _ = state.nextControl()
        return state
    }

    static var packets: ConnectionState {
        var state = ConnectionState(guestOpensWith: packet(.request, type: .sequencedPacket), buffer: 4096)
        state.accept()
        return state
    }

    struct Row: Sendable, CustomStringConvertible {
        let description: String
        let state: ConnectionState
        let packet: VsockHeader
        var byteCount: UInt32 = 0
        let reaction: ConnectionState.Reaction
    }

    static var halfShut: ConnectionState {
        var state = established
        _ = state.receive(packet(.shutdown, .noMoreSending), payloadByteCount: 0)
        return state
    }

    static let rows: [Row] = [
        .init(description: "RESPONSE to REQUEST", state: requested, packet: packet(.response), reaction: .accepted),
        .init(description: "RST to REQUEST", state: requested, packet: packet(.reset), reaction: .gone),
        .init(
            description: "RST of another type", state: established, packet: packet(.reset, type: .other(9)),
            reaction: .gone),
        .init(
            description: "RW before RESPONSE", state: requested, packet: packet(.data), byteCount: 1,
            reaction: .violation),
        .init(
            description: "SHUTDOWN before RESPONSE", state: requested, packet: packet(.shutdown), reaction: .violation),
        .init(
            description: "RESPONSE before REQUEST went out", state: ConnectionState(hostOpensWithBuffer: 4096),
            packet: packet(.response), reaction: .violation),
        .init(description: "RESPONSE twice", state: established, packet: packet(.response), reaction: .violation),
        .init(description: "RESPONSE of the asker", state: dialing, packet: packet(.response), reaction: .violation),
        .init(description: "REQUEST twice", state: dialing, packet: packet(.request), reaction: .violation),
        .init(
            description: "REQUEST for what is open", state: established, packet: packet(.request), reaction: .violation),
        .init(
            description: "RW before our RESPONSE", state: dialing, packet: packet(.data), byteCount: 1,
            reaction: .violation),
        .init(description: "RW", state: established, packet: packet(.data), byteCount: 4096, reaction: .deliver),
        .init(description: "empty RW", state: established, packet: packet(.data), reaction: .deliver),
        .init(
            description: "RW beyond credit", state: established, packet: packet(.data), byteCount: 4097,
            reaction: .violation),
        .init(
            description: "RW after SHUTDOWN", state: halfShut, packet: packet(.data), byteCount: 1, reaction: .violation
        ),
        .init(
            description: "SHUTDOWN", state: established, packet: packet(.shutdown, .noMoreAtAll), reaction: .shutDown),
        .init(description: "CREDIT_UPDATE", state: established, packet: packet(.creditUpdate), reaction: .none),
        .init(description: "CREDIT_REQUEST", state: established, packet: packet(.creditRequest), reaction: .none),
        .init(description: "operation 0", state: established, packet: packet(.other(0)), reaction: .violation),
        .init(description: "operation 8", state: established, packet: packet(.other(8)), reaction: .violation),
        .init(
            description: "other type", state: established, packet: packet(.data, type: .sequencedPacket),
            reaction: .violation),
        .init(
            description: "streams on packets", state: packets, packet: packet(.data, .endOfMessage),
            reaction: .violation),
        .init(
            description: "a part of a message", state: packets, packet: packet(.data, type: .sequencedPacket),
            byteCount: 4095, reaction: .deliver),
        .init(
            description: "a message as large as the buffer", state: packets,
            packet: packet(.data, .endOfMessage, type: .sequencedPacket), byteCount: 4096, reaction: .deliver),
        .init(
            description: "a part as large as the buffer", state: packets,
            packet: packet(.data, .endOfRecord, type: .sequencedPacket), byteCount: 4096, reaction: .messageTooLong),
        .init(
            description: "a message beyond credit", state: packets,
            packet: packet(.data, .endOfMessage, type: .sequencedPacket), byteCount: 4097, reaction: .violation),
    ]

    @Test("what a packet means in each phase", arguments: rows)
    func reactions(row: Row) {
        var state = row.state
        #expect(state.receive(row.packet, payloadByteCount: row.byteCount) == row.reaction)
    }

    @Test("halves of a shutdown add up; bits without a meaning are dropped")
    func shutdownAddsUp() {
        var state = Self.established
        _ = state.receive(Self.packet(.shutdown, VsockFlags(rawValue: 0xffff_fff1)), payloadByteCount: 0)
        #expect(state.guestShutdown == .noMoreReceiving && !state.maySend)
        _ = state.receive(Self.packet(.shutdown, []), payloadByteCount: 0)
        #expect(state.guestShutdown == .noMoreReceiving)
        _ = state.receive(Self.packet(.shutdown, .noMoreSending), payloadByteCount: 0)
        #expect(state.guestShutdown == .noMoreAtAll)
    }

    @Test("what is owed goes out once, in an order that the guest understands")
    func owed() {
        var state = Self.dialing
        #expect(state.nextControl() == nil)
        state.accept()
        for _ in 0..<5 { _ = state.receive(Self.packet(.creditRequest), payloadByteCount: 0) }
        state.shutDownHost(.noMoreReceiving)
        state.shutDownHost(.noMoreReceiving)
        var operations: [VsockOperation] = []
        while let next = state.nextControl() { operations.append(next.operation) }
        #expect(operations == [.response, .shutdown, .creditUpdate])
        state.shutDownHost(.noMoreSending)
        let last = state.nextControl()
        #expect(last?.operation == .shutdown && last?.flags == .noMoreAtAll && state.hasToldEnd)
    }

    @Test("credit is asked for once until the guest has room, however often it says that it has none")
    func creditRequest() {
        var state = Self.established
        state.askForCredit()
        state.askForCredit()
        #expect(state.nextControl()?.operation == .creditRequest)
        state.askForCredit()
        #expect(state.nextControl() == nil)
        var full = Self.packet(.creditUpdate)
        full.bufferByteCount = 0
        _ = state.receive(full, payloadByteCount: 0)
        state.askForCredit()
        #expect(state.nextControl() == nil)
        _ = state.receive(Self.packet(.creditUpdate), payloadByteCount: 0)
        state.askForCredit()
        #expect(state.nextControl()?.operation == .creditRequest)
    }
}
