// SPDX-License-Identifier: Apache-2.0
import Glibc
import Synchronization
import TTRPC
import VMMSysUtil

/// What the tests call.
final class EchoService: TTRPCService {
    let name = "test.Echo"
    private let active = Atomic<Int>(0)
    private let cancelled = Atomic<Int>(0)

    /// Calls that are inside a handler.
    var activeCount: Int { active.load(ordering: .relaxed) }
    /// Handlers that were told that nobody waits.
    var cancelledCount: Int { cancelled.load(ordering: .relaxed) }

    func unary(_ method: String, _ request: [UInt8], _ call: TTRPCCall) throws(TTRPCStatus) -> [UInt8] {
        active.add(1, ordering: .relaxed)
        defer { active.subtract(1, ordering: .relaxed) }
        switch method {
        case "Echo": return request
        case "Wait": return try waitForCancel(call)
        case "Sleep":
            usleep(useconds_t(request.first ?? 0) * 1000)
            return request
        case "Stubborn":
            usleep(300_000)
            return request
        case "Big": return [UInt8](repeating: 7, count: 5 << 20)
        case "Fail": throw TTRPCStatus(.notFound, "no such thing", details: [[1, 2, 3]])
        case "Metadata": return Array(call.metadata["containerd-namespace-ttrpc"].joined(separator: ",").utf8)
        case "Time":
            guard let rest = call.timeRemaining else { return [0] }
            return [rest > .seconds(50) && rest <= .seconds(60) ? 1 : 2]
        default: throw .unimplemented(name, method)
        }
    }

    /// Returns only when nobody waits any more.
    private func waitForCancel(_ call: TTRPCCall) throws(TTRPCStatus) -> [UInt8] {
        let flag = Flag()
        call.onCancel { flag.set() }
        flag.wait()
        cancelled.add(1, ordering: .relaxed)
        throw TTRPCStatus(.cancelled, "nobody waits")
    }

    func stream(_ method: String, _ stream: TTRPCServerStream, _ call: TTRPCCall) throws(TTRPCStatus) {
        active.add(1, ordering: .relaxed)
        defer { active.subtract(1, ordering: .relaxed) }
        switch method {
        case "Count":
            let count = try stream.receive()?.first ?? 0
            for index in 0..<count { try stream.send([index]) }
        case "Sum":
            var sum: UInt8 = 0
            while let message = try stream.receive() { for byte in message { sum &+= byte } }
            stream.setAnswer([sum])
        case "Chat":
            while let message = try stream.receive() { try stream.send(message) }
        case "FailLate":
            try stream.send([1])
            throw TTRPCStatus(.aborted, "in the middle")
        case "Idle": _ = try waitForCancel(call)
        case "Flood":
            let chunk = [UInt8](repeating: 1, count: 1 << 16)
            while true { try stream.send(chunk) }
        default: throw .unimplemented(name, method)
        }
    }
}
