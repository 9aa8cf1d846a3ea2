// SPDX-License-Identifier: Apache-2.0
import Glibc
import Synchronization
import TTRPC
import TTRPCTestSupport
import Testing
import VMMSysUtil

@Suite struct CallTests {
    let service = EchoService()
    let server: TTRPCServer
    let client: TTRPCClient

    init() throws {
        server = TTRPCServer(services: [service])
        client = try TTRPCPipe.client(of: server)
    }

    /// The status that a call ends with.
    func status(_ body: () throws(TTRPCStatus) -> Void) -> TTRPCStatus? {
        do throws(TTRPCStatus) { try body() } catch { return error }
        return nil
    }

    @Test("a message comes back, whether it has no bytes, a few or almost 4 MiB", arguments: [0, 1, 1000, 4_190_000])
    func sizes(count: Int) throws {
        let message = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        #expect(try client.call("test.Echo", "Echo", message) == message)
    }

    @Test("a hundred threads call over one connection, and each gets its own answer")
    func concurrent() throws {
        let client = client
        let outcome = try onThreads(100) { index in
            for round in 0..<20 {
                let message = [UInt8(index), UInt8(round)]
                guard (try? client.call("test.Echo", "Echo", message)) == message else { return false }
            }
            return true
        }
        #expect(outcome == Array(repeating: true, count: 100))
    }

    @Test("calls that wait for ever hold up nobody")
    func blocked() throws {
        let client = client
        for _ in 0..<20 {
            _ = try Thread(name: "waiter", stackByteCount: 128 << 10) {
                _ = try? client.call("test.Echo", "Wait", [])
            }
        }
        #expect(eventually { service.activeCount == 20 })
        #expect(try client.call("test.Echo", "Echo", [9], timeout: .seconds(5)) == [9])
        client.close()
        #expect(eventually { service.activeCount == 0 })
    }

    @Test("a failure has its code, message and details")
    func failure() {
        let status = status { () throws(TTRPCStatus) in _ = try client.call("test.Echo", "Fail", []) }
        #expect(status == TTRPCStatus(.notFound, "no such thing", details: [[1, 2, 3]]))
    }
}
