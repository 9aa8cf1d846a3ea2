// SPDX-License-Identifier: Apache-2.0
internal import EventManager
internal import VMMSysUtil

/// One client of the API.
///
/// ```
/// reading ──requests──► answering ──sent──► reading ...
///    │ end of file, Connection: close        │ fault
///    ▼                                       ▼
///  closed ◄──────── sent ─────────────── leaving: sends what it has, ignores what comes, for a while
/// ```
/// While an answer waits for the client nothing is read, so what is held for it is bounded.
final class APIConnection: EventHandler {
    /// What the server does for its connections.
    protocol Owner: AnyObject {
        func answer(_ request: HTTPRequest) -> HTTPResponse?
        func close(_ connection: APIConnection)
    }

    private static let readByteCount = 16384
    /// Requests served before other clients get their turn.
    private static let requestsPerTurn = 16
    /// Ignored after a fault, so that a client which still sends comes to read the answer.
    private static let ignoredByteLimit = 4 << 20
    private static let patience = Duration.seconds(5)

    let socket: FileDescriptor
    var token: EventToken?
    /// When the client last sent or took something.
    private(set) var lastActivity = Deadline.now
    private unowned let owner: any Owner
    private var parser: HTTPParser
    private var output: [UInt8] = []
    private var phase = Phase.open
    private var hasMore = false
    private var ignoredByteCount = 0

    private enum Phase {
        case open
        /// Nothing more is taken from it.
        case closing
        /// Nothing more is taken from it, but it may not have noticed yet.
        case leaving
    }

    init(_ socket: consuming FileDescriptor, owner: any Owner, payloadLimit: Int) {
        self.socket = socket
        self.owner = owner
        parser = HTTPParser(bodyLimit: payloadLimit)
    }

    /// Whether it has an answer to take, room to make for the next, or its leave.
    var isAwaited: Bool { !output.isEmpty || hasMore || phase != .open }
    /// Whether it has been awaited for too long.
    var isLate: Bool { isAwaited && lastActivity.elapsed > Self.patience }

    func handle(_ events: EventSet, of token: EventToken, in loop: EventLoop) {
        do throws(Errno) {
            if output.isEmpty && !hasMore { try read() }
            try serve()
            try loop.change(token, to: interest)
        } catch .wouldBlock {
            return
        } catch {
            owner.close(self)
        }
    }

    private var interest: EventSet { output.isEmpty && !hasMore ? .readable : .writable }

    private func read() throws(Errno) {
        var chunk = [UInt8](repeating: 0, count: Self.readByteCount)
        var span = chunk.mutableSpan
        let count = try span.withUnsafeMutableBytes { (bytes) throws(Errno) in try socket.read(into: bytes) }
        lastActivity = .now
        guard count > 0 else {
            // Every answer is out by now: the rest is half a request.
            throw .notConnected
        }
        if phase == .open {
            parser.append(chunk[..<count])
        } else {
            ignoredByteCount += count
            if ignoredByteCount > Self.ignoredByteLimit { throw .notConnected }
        }
    }

    /// Answers what is complete, and sends.
    private func serve() throws(Errno) {
        var left = Self.requestsPerTurn
        hasMore = false
        while phase == .open, output.isEmpty {
            if left == 0 {
                hasMore = true
                return
            }
            left -= 1
            guard let bytes = nextAnswer() else { return }
            output = bytes
            try send()
        }
        try send()
        if phase == .closing, output.isEmpty { throw .notConnected }
    }

    /// - Returns: nil if more must come first.
    private func nextAnswer() -> [UInt8]? {
        do throws(HTTPFault) {
            switch try parser.next() {
            case .needsMore: return nil
            case .mayContinue: return HTTPResponse.mayContinue
            case .request(let request):
                guard let response = owner.answer(request) else {
                    phase = .closing
                    return []
                }
                if !request.keepsAlive { phase = .closing }
                return response.bytes(keepsAlive: request.keepsAlive)
            }
        } catch {
            phase = .leaving
            return HTTPResponse(error).bytes(keepsAlive: false)
        }
    }

    private func send() throws(Errno) {
        while !output.isEmpty {
            do throws(Errno) {
                output.removeFirst(try socket.send(output[...]))
                lastActivity = .now
            } catch .wouldBlock {
                return
            }
        }
        if phase == .leaving { socket.endSending() }
    }
}

extension EventLoop {
    fileprivate func change(_ token: EventToken, to events: EventSet) throws(Errno) {
        do throws(EventLoopError) { try modify(token, for: events) } catch { throw .notConnected }
    }
}
