// SPDX-License-Identifier: Apache-2.0
public import SwiftProtobuf
public import TTRPC

extension TTRPCClient {
    /// Calls a method with a message and decodes the answer.
    ///
    /// - Throws: the peer's status; `internalError` for an answer that does not decode.
    public func call<Response: Message>(
        _ service: String, _ method: String, _ request: some Message, as response: Response.Type,
        timeout: Duration? = nil
    ) throws(TTRPCStatus) -> Response {
        let answer = try call(service, method, try encode(request), timeout: timeout)
        return try decode(answer, what: "the answer to \(method)", code: .internalError)
    }

    /// Calls a method whose answer is empty.
    public func call(
        _ service: String, _ method: String, _ request: some Message, timeout: Duration? = nil
    ) throws(TTRPCStatus) {
        _ = try call(service, method, try encode(request), timeout: timeout)
    }
}

/// Encodes a message for the wire.
public func encode(_ message: some Message) throws(TTRPCStatus) -> [UInt8] {
    do { return try message.serializedBytes() } catch {
        throw TTRPCStatus(.internalError, "cannot encode \(type(of: message).protoMessageName): \(error)")
    }
}

/// Decodes a message from the wire.
///
/// - Parameters:
///   - what: named in the error.
///   - code: the status of bytes that make no such message: `invalidArgument` for a request.
public func decode<Decoded: Message>(
    _ bytes: [UInt8], as: Decoded.Type = Decoded.self, what: String, code: TTRPCCode = .invalidArgument
) throws(TTRPCStatus) -> Decoded {
    do { return try Decoded(serializedBytes: bytes) } catch {
        throw TTRPCStatus(code, "\(what) is not a \(Decoded.protoMessageName): \(error)")
    }
}
