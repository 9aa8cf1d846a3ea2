// SPDX-License-Identifier: Apache-2.0

/// What a server offers under one name.
///
/// Each call runs on a thread of its own, which it may block for as long as it likes. Calls of one connection run at the
/// same time and in no particular order.
public protocol TTRPCService: Sendable {
    /// The full name, such as `containerd.task.v2.Task`.
    var name: String { get }

    /// Answers a call of one message with one message, both encoded.
    /// - Throws: the status that the caller gets. A method that is not there throws `TTRPCStatus.unimplemented(name, method)`.
    func unary(_ method: String, _ request: [UInt8], _ call: TTRPCCall) throws(TTRPCStatus) -> [UInt8]

    /// Serves a call of several messages (protocol 1.2). It ends, for both sides, when this returns.
    /// - Throws: the status that the caller gets.
    func stream(_ method: String, _ stream: TTRPCServerStream, _ call: TTRPCCall) throws(TTRPCStatus)
}

extension TTRPCService {
    /// No method takes one message: the caller gets Unimplemented.
    public func unary(_ method: String, _ request: [UInt8], _ call: TTRPCCall) throws(TTRPCStatus) -> [UInt8] {
        throw .unimplemented(name, method)
    }

    /// No method is a stream: the caller gets Unimplemented.
    public func stream(_ method: String, _ stream: TTRPCServerStream, _ call: TTRPCCall) throws(TTRPCStatus) {
        throw .unimplemented(name, method)
    }
}

extension TTRPCStatus {
    /// The status of a method that is not there.
    public static func unimplemented(_ service: String, _ method: String) -> TTRPCStatus {
        TTRPCStatus(.unimplemented, "method \(service)/\(method) is not implemented")
    }
}
