// SPDX-License-Identifier: Apache-2.0
internal import CBaseline
internal import TTRPC
internal import TTRPCTestSupport

/// Answers with what it was asked.
struct Echo: TTRPCService {
    let name = "containerd.task.v2.Task"

    func unary(_ method: String, _ request: [UInt8], _ call: TTRPCCall) throws(TTRPCStatus) -> [UInt8] { request }
}

/// Prints the table: a call beside the same bytes written and read in C over the same kind of socket, in the same run.
@main
struct Main {
    static func main() throws {
        let client = try TTRPCPipe.client(of: TTRPCServer(services: [Echo()]))
        print("ttrpc, one call at a time            ours p50   ours p99      C p50   ratio  allocations a call")
        for (name, byteCount, rounds) in [("16 bytes", 16, 20_000), ("4 KiB", 4096, 10_000), ("1 MiB", 1 << 20, 300)] {
            try measure(client, name, byteCount, rounds)
        }
        print(
            "The whole round trip, both ends in this process. Ours passes four threads (caller, the server's reader, the"
        )
        print("call's, the client's reader), C's two. Allocations are those of both ends together.")
        try Idle.measure()
    }

    static func measure(_ client: TTRPCClient, _ name: String, _ byteCount: Int, _ rounds: Int) throws {
        let message = [UInt8](repeating: 7, count: byteCount)
        let request = TTRPCRequest(service: "containerd.task.v2.Task", method: "State", payload: message)
        let requestCount = UInt32(TTRPCFrameHeader.byteCount + request.encoded().count)
        let answerCount = UInt32(
            TTRPCFrameHeader.byteCount + TTRPCResponse(payload: message).encoded().count)
        let baseline = baseline_start(requestCount, answerCount)
        guard baseline >= 0 else { throw Failure() }
        var ours: [UInt64] = []
        var theirs: [UInt64] = []
        ours.reserveCapacity(rounds)
        theirs.reserveCapacity(rounds)
        var allocations: UInt64 = 0
        // In turns of a hundred, after a few that warm up.
        for round in 0..<(rounds / 100 + 1) {
            for _ in 0..<100 {
                let before = baseline_allocations()
                let start = baseline_clock()
                guard try client.call("containerd.task.v2.Task", "State", message).count == byteCount else {
                    throw Failure()
                }
                let time = baseline_clock() - start
                if round == 0 { continue }
                ours.append(time)
                allocations += baseline_allocations() - before
            }
            for _ in 0..<100 {
                let start = baseline_clock()
                guard baseline_call(baseline, requestCount, answerCount) == 0 else { throw Failure() }
                let time = baseline_clock() - start
                if round > 0 { theirs.append(time) }
            }
        }
        ours.sort()
        theirs.sort()
        let (half, most, c) = (ours[ours.count / 2], ours[ours.count * 99 / 100], theirs[theirs.count / 2])
        let tenths = half * 10 / max(1, c)
        print(
            pad(name, 34) + right("\(half / 1000) us", 11) + right("\(most / 1000) us", 11)
                + right("\(c / 1000) us", 11) + right("\(tenths / 10).\(tenths % 10)", 8)
                + right("\(allocations / UInt64(ours.count))", 12))
    }

    /// A round trip did not do what it should.
    struct Failure: Error {}

    private static func pad(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    private static func right(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }
}
