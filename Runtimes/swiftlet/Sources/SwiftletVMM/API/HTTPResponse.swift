// SPDX-License-Identifier: Apache-2.0

/// One answer to a client.
public struct HTTPResponse: Equatable, Sendable {
    /// 200, 204 or 400.
    public var status: Int
    /// A JSON text; nil for none.
    public var body: String?

    /// `100 Continue`, which comes before the answer.
    static let mayContinue = Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)

    package init(status: Int, body: String? = nil) {
        self.status = status
        self.body = body
    }

    /// What became of a command.
    init(_ answer: Answer) {
        switch answer {
        case .done: self.init(status: 204)
        case .value(let value): self.init(status: 200, body: value.text)
        case .fault(let text): self.init(status: 400, body: Self.fault(text))
        }
    }

    /// What was no request, and ends the connection.
    init(_ fault: HTTPFault) {
        let text = "\(fault)\nAll previous unanswered requests will be dropped."
        let body = JSONValue.object([.init("error", .string(text)), .init("fault_message", .string("\(fault)"))])
        self.init(status: 400, body: body.text)
    }

    private static func fault(_ text: String) -> String {
        JSONValue.object([.init("fault_message", .string(text))]).text
    }

    /// The bytes that go to the client.
    func bytes(keepsAlive: Bool) -> [UInt8] {
        let reason = status == 200 ? "OK" : status == 204 ? "No Content" : "Bad Request"
        var text = "HTTP/1.1 \(status) \(reason)\r\nServer: swiftlet\r\n"
        text += "Connection: \(keepsAlive ? "keep-alive" : "close")\r\n"
        if let body {
            text += "Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
        } else {
            text += "\r\n"
        }
        return Array(text.utf8)
    }
}
