// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import NestProtocols
internal import SwiftProtobuf
internal import TTRPC
internal import VMMSysUtil

/// The methods of a service by name, each from bytes to bytes.
///
/// One wrapper for all: it decodes, answers with the status of what was thrown, and logs each call with its time.
struct MethodTable: Sendable {
    private var methods: [String: any Method] = [:]
    private let log: AgentLog
    private let fault: AgentFault?

    init(log: AgentLog, fault: AgentFault? = nil) {
        self.log = log
        self.fault = fault
    }

    /// Adds a method with an answer.
    mutating func add<Request: Message, Response: Message>(
        _ name: String, _ body: @escaping @Sendable (Request, TTRPCCall) throws(AgentError) -> Response
    ) {
        methods[name] = AnsweringMethod(body: body)
    }

    /// Adds a method whose answer is empty.
    mutating func add<Request: Message>(
        _ name: String, _ body: @escaping @Sendable (Request, TTRPCCall) throws(AgentError) -> Void
    ) {
        methods[name] = EmptyMethod(body: body)
    }

    func run(_ service: String, _ method: String, _ bytes: [UInt8], _ call: TTRPCCall) throws(TTRPCStatus) -> [UInt8] {
        guard let handler = methods[method] else {
            log.warn("\(service)/\(method) is not implemented")
            throw .unimplemented(service, method)
        }
        let started = Deadline.now
        fault?.reach(.agent, method) { _exit(1) }
        do throws(TTRPCStatus) {
            let answer = try handler.run(bytes, call)
            log.debug("\(method): ok, \(started.elapsed.microseconds) µs")
            return answer
        } catch {
            log.info("\(method): \(error), \(started.elapsed.microseconds) µs")
            throw error
        }
    }
}

// Types and not closures: the compiler (6.3.1) crashes on a closure with typed throws in a generic function.
private protocol Method: Sendable {
    func run(_ bytes: [UInt8], _ call: TTRPCCall) throws(TTRPCStatus) -> [UInt8]
}

private struct AnsweringMethod<Request: Message, Response: Message>: Method {
    let body: @Sendable (Request, TTRPCCall) throws(AgentError) -> Response

    func run(_ bytes: [UInt8], _ call: TTRPCCall) throws(TTRPCStatus) -> [UInt8] {
        let request: Request = try decode(bytes, what: "the request of \(call.method)")
        let response: Response
        do throws(AgentError) { response = try body(request, call) } catch { throw error.status }
        return try encode(response)
    }
}

private struct EmptyMethod<Request: Message>: Method {
    let body: @Sendable (Request, TTRPCCall) throws(AgentError) -> Void

    func run(_ bytes: [UInt8], _ call: TTRPCCall) throws(TTRPCStatus) -> [UInt8] {
        let request: Request = try decode(bytes, what: "the request of \(call.method)")
        do throws(AgentError) { try body(request, call) } catch { throw error.status }
        return []
    }
}
