// SPDX-License-Identifier: Apache-2.0

/// Request line and headers, without the blank line behind them.
struct HTTPHead {
    private(set) var request: HTTPRequest
    private(set) var bodyByteCount: UInt64 = 0
    private var expectsContinue = false
    private var saidLength = false

    init(_ bytes: ArraySlice<UInt8>) throws(HTTPFault) {
        let lines = try Self.lines(bytes)
        guard let first = lines.first else { throw .requestLine }
        request = try Self.requestLine(first)
        for line in lines.dropFirst() { try takeHeader(line) }
    }

    /// Whether the client waits for a word before it sends the body.
    mutating func takeExpectation() -> Bool {
        defer { expectsContinue = false }
        return expectsContinue && bodyByteCount > 0
    }

    /// Splits at CR LF; a CR or LF anywhere else is a fault.
    private static func lines(_ bytes: ArraySlice<UInt8>) throws(HTTPFault) -> [ArraySlice<UInt8>] {
        var lines: [ArraySlice<UInt8>] = []
        var start = bytes.startIndex
        var index = start
        while index < bytes.endIndex {
            switch bytes[index] {
            case 13:
                guard index + 1 < bytes.endIndex, bytes[index + 1] == 10 else { throw .headerLine }
                lines.append(bytes[start..<index])
                start = index + 2
                index = start
            case 10, 0: throw .headerLine
            default: index += 1
            }
        }
        lines.append(bytes[start...])
        return lines
    }

    private static func requestLine(_ line: ArraySlice<UInt8>) throws(HTTPFault) -> HTTPRequest {
        let words = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        guard words.count == 3 else { throw .requestLine }
        let version = String(decoding: words[2], as: UTF8.self)
        guard version == "HTTP/1.1" || version == "HTTP/1.0" else { throw .version }
        let method = String(decoding: words[0], as: UTF8.self)
        guard ["GET", "PUT", "PATCH", "DELETE"].contains(method) else { throw .method }
        return HTTPRequest(method: method, path: try path(words[1]), keepsAlive: version == "HTTP/1.1")
    }

    /// The path of a target in origin form or in absolute form (RFC 9112, 3.2).
    private static func path(_ target: ArraySlice<UInt8>) throws(HTTPFault) -> String {
        guard target.allSatisfy({ $0 > 32 && $0 < 127 }) else { throw .target }
        let text = String(decoding: target, as: UTF8.self)
        if text.hasPrefix("/") { return text }
        guard text.hasPrefix("http://") else { throw .target }
        guard let slash = text.dropFirst(7).firstIndex(of: "/") else { return "/" }
        return String(text[slash...])
    }

    private mutating func takeHeader(_ line: ArraySlice<UInt8>) throws(HTTPFault) {
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex else { throw .headerLine }
        let name = line[..<colon]
        guard name.allSatisfy(Self.isTokenByte) else { throw .headerLine }
        let value = String(decoding: line[(colon + 1)...].drop(while: Self.isBlank), as: UTF8.self)
        switch String(decoding: name, as: UTF8.self).lowercased() {
        case "content-length": try takeLength(value)
        case "transfer-encoding": throw .transferEncoding
        case "expect":
            guard Self.trimmed(value).lowercased() == "100-continue" else { throw .expectation }
            expectsContinue = true
        case "connection":
            switch Self.trimmed(value).lowercased() {
            case "close": request.keepsAlive = false
            case "keep-alive": request.keepsAlive = true
            default: break
            }
        default: break
        }
    }

    private mutating func takeLength(_ value: String) throws(HTTPFault) {
        let digits = Self.trimmed(value)
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (48...57).contains($0) }), let count = UInt64(digits) else {
            throw .contentLength
        }
        guard !saidLength || count == bodyByteCount else { throw .contentLength }
        saidLength = true
        bodyByteCount = count
    }

    private static func trimmed(_ text: String) -> Substring {
        var text = text[...]
        while text.last == " " || text.last == "\t" { text.removeLast() }
        return text
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 32 || byte == 9 }

    /// `tchar` (RFC 9110, 5.6.2).
    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 48...57, 65...90, 97...122: true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}
