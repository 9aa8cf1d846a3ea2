// SPDX-License-Identifier: Apache-2.0

/// Cuts the bytes of a connection into requests (RFC 9112). It reads nothing itself and holds at most one request.
///
/// ```
/// head ──blank line──► body ──Content-Length bytes──► head ...        any fault ► nothing more is taken
/// ```
/// Strict where leniency lets two readers see two different requests: lines end in CR LF, a length is digits and is said
/// once, there is no white space before a colon and no folded line.
public struct HTTPParser: Sendable {
    /// Bytes of the request line and all header lines together.
    public static let headLimit = 8192

    private let bodyLimit: Int
    private var buffer: [UInt8] = []
    /// How far the buffer was searched for the end of the head.
    private var searched = 0
    private var head: Head?

    private struct Head {
        var request: HTTPRequest
        var bodyByteCount: Int
    }

    /// What came out of the bytes so far.
    public enum Step: Equatable, Sendable {
        /// A request; there may be more in the bytes that are here already.
        case request(HTTPRequest)
        /// The client waits for `100 Continue` before it sends the body.
        case mayContinue
        /// More bytes are needed.
        case needsMore
    }

    /// - Parameter bodyLimit: the longest body, in bytes.
    public init(bodyLimit: Int) { self.bodyLimit = bodyLimit }

    /// Whether a request has begun and is not complete.
    public var isInside: Bool { head != nil || !buffer.isEmpty }

    /// Takes what was read.
    public mutating func append(_ bytes: some Sequence<UInt8>) { buffer.append(contentsOf: bytes) }

    /// Looks at what is there. To be called until it says `needsMore`.
    public mutating func next() throws(HTTPFault) -> Step {
        if let head { return try body(of: head) }
        // Blank lines before a request line are left from the last request of a careless client (RFC 9112, 2.2).
        while buffer.starts(with: [13, 10]) { drop(2) }
        guard let end = endOfHead() else {
            if buffer.count >= Self.headLimit { throw .tooLong }
            return .needsMore
        }
        guard end + 4 <= Self.headLimit else { throw .tooLong }
        var parsed = try HTTPHead(buffer[..<end])
        drop(end + 4)
        if parsed.bodyByteCount > UInt64(bodyLimit) {
            throw .bodyTooLong(parsed.bodyByteCount, limit: bodyLimit)
        }
        let count = Int(parsed.bodyByteCount)
        let head = Head(request: parsed.request, bodyByteCount: count)
        self.head = head
        if parsed.takeExpectation(), buffer.count < count { return .mayContinue }
        return try body(of: head)
    }

    private mutating func body(of head: Head) throws(HTTPFault) -> Step {
        guard buffer.count >= head.bodyByteCount else { return .needsMore }
        var request = head.request
        if head.bodyByteCount > 0 { request.body = Array(buffer.prefix(head.bodyByteCount)) }
        drop(head.bodyByteCount)
        self.head = nil
        return .request(request)
    }

    private mutating func drop(_ count: Int) {
        buffer.removeFirst(min(count, buffer.count))
        searched = 0
    }

    /// The index of the CR LF CR LF that ends the head. Each byte is looked at once, however small the pieces come.
    private mutating func endOfHead() -> Int? {
        let limit = min(buffer.count, Self.headLimit)
        var index = max(searched, 3)
        while index < limit {
            if buffer[index] == 10, buffer[index - 1] == 13, buffer[index - 2] == 10, buffer[index - 3] == 13 {
                return index - 3
            }
            index += 1
        }
        searched = index
        return nil
    }
}
