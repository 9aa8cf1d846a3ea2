// SPDX-License-Identifier: Apache-2.0

/// One request of a client.
public struct HTTPRequest: Equatable, Sendable {
    /// What is to be done, such as `PUT`.
    public var method: String
    /// To what: the path of the target, as it came.
    public var path: String
    /// What came with it; nil if nothing did.
    public var body: [UInt8]?
    /// Whether the connection may stay open after the answer (RFC 9112, 9.3).
    public var keepsAlive: Bool

    /// Puts one together.
    public init(method: String, path: String, body: [UInt8]? = nil, keepsAlive: Bool = true) {
        self.method = method
        self.path = path
        self.body = body
        self.keepsAlive = keepsAlive
    }
}

/// Why bytes are no request. What follows them on the connection means nothing.
public enum HTTPFault: Error, Equatable, Sendable {
    /// The line, with its end, or all header lines together, are longer than the limit.
    case tooLong
    /// Not `METHOD target HTTP/1.x`.
    case requestLine
    /// A version that is neither 1.0 nor 1.1.
    case version
    /// A method that no endpoint has.
    case method
    /// A target that is no path.
    case target
    /// A header line that breaks the grammar.
    case headerLine
    /// A `Content-Length` that is no number, or two that differ.
    case contentLength
    /// A body whose length is not told before it.
    case transferEncoding
    /// An `Expect` other than `100-continue`.
    case expectation
    /// A body longer than the limit.
    case bodyTooLong(UInt64, limit: Int)
}

extension HTTPFault: CustomStringConvertible {
    /// One line for the client.
    public var description: String {
        switch self {
        case .tooLong: "Request line and headers are too long."
        case .requestLine: "Invalid request line."
        case .version: "Invalid HTTP version."
        case .method: "Invalid HTTP Method."
        case .target: "Invalid URI."
        case .headerLine: "Invalid header."
        case .contentLength: "Invalid content length."
        case .transferEncoding: "Transfer-Encoding is not supported."
        case .expectation: "Unsupported expectation."
        case .bodyTooLong(let count, let limit):
            "Request payload with size \(count) is larger than the limit of \(limit) allowed by server."
        }
    }
}
