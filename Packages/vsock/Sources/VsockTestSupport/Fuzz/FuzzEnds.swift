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
    /// Its end's port; nil until the guest accepted it.
    private(set) var hostPort: UInt32?
    var isStranger = false
    /// A transport reset came in between.
    var isCut = false
    private(set) var isClosed = false
    private(set) var hasEndedSending = false
    private(set) var hasEndedReceiving = false
    private(set) var sawEnd = false
    private(set) var sent = 0
    private(set) var received = 0
    private(set) var isRight = true
    private let salt: Int
    private var stream = CountingStream()

    init(_ end: HostProgram, salt: Int, hostPort: UInt32?) {
        self.end = end
        self.salt = salt
        self.hostPort = hostPort
    }

    var progress: Int { received + (sawEnd ? 1 : 0) + (hostPort == nil ? 0 : 1) }

    func send(_ count: Int) { sent += (try? end.send(CountingStream.bytes(salt, sent..<(sent + count)))) ?? 0 }

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
        guard let bytes = try? end.receive(limit) else {
            sawEnd = true
            return 0
        }
        var rest = bytes[...]
        if hostPort == nil, !bytes.isEmpty {
            guard bytes.starts(with: "OK ".utf8), let newline = bytes.firstIndex(of: 0x0a),
                let port = UInt32(String(decoding: bytes[3..<newline], as: UTF8.self))
            else {
                isRight = false
                return 0
            }
            hostPort = port
            rest = bytes[(newline + 1)...]
        }
        if !stream.takes(rest) { isRight = false }
        received += rest.count
        return rest.count
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
    var progress: Int { received + (end.isAtEnd ? 1 : 0) + (end.phase == .established ? 1 : 0) }

    func send(_ count: Int, _ guest: GuestPeer) throws {
        guard !end.ownShutdown.contains(.noMoreSending) else { return }
        sent += try guest.send(CountingStream.bytes(salt, sent..<(sent + count)), on: end)
    }

    func reset(_ guest: GuestPeer) throws {
        guard end.phase != .closed else { return }
        didReset = true
        try guest.reset(end)
    }

    func read(_ limit: Int, _ guest: GuestPeer) throws -> Int {
        let bytes = try guest.read(end, limit)
        if !stream.takes(bytes) { isRight = false }
        received += bytes.count
        return bytes.count
    }
}
