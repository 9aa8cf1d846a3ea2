// SPDX-License-Identifier: Apache-2.0
internal import VMMSysUtil
internal import Vsock

/// Bytes that count up from a number of the sender's own, so that one stream's in another show.
private struct CountingStream {
    private var next: UInt8?

    /// Whether these come next; any may come first.
    mutating func takes(_ bytes: some Collection<UInt8>) -> Bool {
        for byte in bytes {
            if let next, byte != next { return false }
            next = byte &+ 1
        }
        return true
    }

    static func bytes(_ salt: Int, _ range: Range<Int>) -> [UInt8] {
        range.map { UInt8(truncatingIfNeeded: $0 &+ salt &* 37) }
    }
}

/// A program of the host.
final class FuzzProgram {
    let end: HostProgram
    let type: VsockSocketType
    /// Its end's port; nil until the guest accepted it.
    private(set) var hostPort: UInt32?
    var isStranger = false
    /// It sent a message that is larger than the guest's buffer.
    var hasSentTooMuch = false
    private(set) var isClosed = false
    private(set) var hasEndedSending = false
    private(set) var hasEndedReceiving = false
    private(set) var sawEnd = false
    private(set) var sent = 0
    private(set) var received = 0
    /// Of packets: how long each was.
    private(set) var sentLengths: [Int] = []
    private(set) var receivedLengths: [Int] = []
    private(set) var isRight = true
    private let salt: Int
    private var stream = CountingStream()

    init(_ end: HostProgram, _ type: VsockSocketType = .stream, salt: Int, hostPort: UInt32?) {
        self.end = end
        self.type = type
        self.salt = salt
        self.hostPort = hostPort
    }

    var progress: Int { received + receivedLengths.count + (sawEnd ? 1 : 0) + (hostPort == nil ? 0 : 1) }

    func send(_ count: Int) {
        guard type == .stream else { return sendMessage(count) }
        sent += (try? end.send(CountingStream.bytes(salt, sent..<(sent + count)))) ?? 0
    }

    private func sendMessage(_ count: Int) {
        guard (try? end.send(message: CountingStream.bytes(salt, sent..<(sent + count)))) == true else { return }
        sent += count
        sentLengths.append(count)
    }

    func close() {
        isClosed = true
        end.close()
    }

    func endSending() {
        guard !isClosed else { return }
        hasEndedSending = true
        end.endSending()
    }

    func endReceiving() {
        guard !isClosed else { return }
        hasEndedReceiving = true
        end.endReceiving()
    }

    /// Reads once.
    /// - Returns: how many bytes of the stream came.
    func receive(_ limit: Int) -> Int {
        guard !isClosed else { return 0 }
        guard type == .stream else { return receiveMessages(limit) }
        guard let bytes = try? end.receive(limit) else {
            sawEnd = true
            return 0
        }
        let rest = hostPort == nil && !bytes.isEmpty ? readAnswer(bytes) : bytes[...]
        if !stream.takes(rest) { isRight = false }
        received += rest.count
        return rest.count
    }

    /// Learns its port from what comes first.
    /// - Returns: what is behind that.
    private func readAnswer(_ bytes: [UInt8]) -> ArraySlice<UInt8> {
        guard bytes.starts(with: "OK ".utf8), let newline = bytes.firstIndex(of: 0x0a),
            let port = UInt32(String(decoding: bytes[3..<newline], as: UTF8.self))
        else {
            isRight = false
            return []
        }
        hostPort = port
        return bytes[(newline + 1)...]
    }

    /// Reads whole messages until there are so many bytes, or none is there.
    private func receiveMessages(_ limit: Int) -> Int {
        var count = 0
        while count < limit {
            switch end.receiveMessage(8192) {
            case .nothing: return count
            case .end:
                sawEnd = true
                return count
            case .message(let bytes) where hostPort == nil:
                if !readAnswer(bytes).isEmpty { isRight = false }
            case .message(let bytes):
                if !stream.takes(bytes) { isRight = false }
                count += bytes.count
                received += bytes.count
                receivedLengths.append(bytes.count)
            }
        }
        return count
    }
}

/// A socket of the guest.
final class FuzzSocket {
    let end: GuestSocket
    /// It came to a port on which the guest listens.
    let isIncoming: Bool
    /// A transport reset came in between.
    var isCut = false
    private(set) var didReset = false
    private(set) var sent = 0
    private(set) var received = 0
    /// Of packets: how long each was that was sent, or read, whole.
    private(set) var sentLengths: [Int] = []
    private(set) var receivedLengths: [Int] = []
    /// A message that the host had not room for all of, and how much is sent.
    private var rest: (message: [UInt8], done: Int)?
    private(set) var isRight = true
    private let salt: Int
    private var stream = CountingStream()

    init(_ end: GuestSocket, salt: Int, isIncoming: Bool = false) {
        self.end = end
        self.salt = salt + 100
        self.isIncoming = isIncoming
    }

    var wasOpen: Bool {
        end.phase == .established || end.hostShutdown != [] || end.ownShutdown != [] || sent + received > 0
    }
    var progress: Int { received + receivedLengths.count + (end.isAtEnd ? 1 : 0) + (end.phase == .established ? 1 : 0) }

    func send(_ count: Int, _ guest: GuestPeer) throws {
        guard !end.ownShutdown.contains(.noMoreSending), end.phase == .established else { return }
        guard end.type == .stream else {
            try sendRest(guest)
            guard rest == nil else { return }
            rest = (CountingStream.bytes(salt, sent..<(sent + count)), 0)
            return try sendRest(guest)
        }
        sent += try guest.send(CountingStream.bytes(salt, sent..<(sent + count)), on: end)
    }

    func reset(_ guest: GuestPeer) throws {
        guard end.phase != .closed else { return }
        didReset = true
        try guest.reset(end)
    }

    /// Goes on with a message, as a kernel does whose program waits.
    func sendRest(_ guest: GuestPeer) throws {
        guard let (message, before) = rest, end.phase == .established, !end.ownShutdown.contains(.noMoreSending),
            let done = try guest.send(message: message, after: before, on: end)
        else { return }
        rest = done < message.count ? (message, done) : nil
        guard rest == nil else { return }
        sent += message.count
        sentLengths.append(message.count)
    }

    func read(_ limit: Int, _ guest: GuestPeer) throws -> Int {
        guard end.type == .stream else { return try readMessages(limit, guest) }
        let bytes = try guest.read(end, limit)
        if !stream.takes(bytes) { isRight = false }
        received += bytes.count
        return bytes.count
    }

    private func readMessages(_ limit: Int, _ guest: GuestPeer) throws -> Int {
        var count = 0
        while count < limit, let message = try guest.readMessage(end) {
            if !stream.takes(message.bytes) { isRight = false }
            count += message.bytes.count
            receivedLengths.append(message.bytes.count)
        }
        received += count
        return count
    }
}
