// SPDX-License-Identifier: Apache-2.0
import Seccompiler
import SwiftletVMM
import Synchronization
import Testing
import VMMSysUtil

@Suite struct FilterGateTests {
    private final class Count: Sendable { let value = Atomic(0) }

    /// Starts threads that confine themselves by `confine` and count themselves if they may go on; then opens.
    private func passing(
        _ count: Int, _ mayGoOn: Bool, _ confine: @escaping @Sendable (Int) throws(SandboxError) -> Void
    ) throws -> (passed: Int, failure: SandboxError?) {
        let gate = try FilterGate()
        let passed = Count()
        let home = try EventFD(isNonBlocking: false)
        for index in 0..<count {
            let home = try home.duplicate()
            _ = try Thread(name: "gate") {
                if gate.pass({ () throws(SandboxError) in try confine(index) }) {
                    passed.value.add(1, ordering: .sequentiallyConsistent)
                }
                try? home.write()
            }
        }
        var failure: SandboxError?
        do throws(SandboxError) { try gate.waitForArrivals(count) } catch { failure = error }
        #expect(passed.value.load(ordering: .sequentiallyConsistent) == 0, "nobody passes before it opens")
        gate.open(mayGoOn && failure == nil)
        var back: UInt64 = 0
        while back < UInt64(count) { back += try home.read() ?? 0 }
        return (passed.value.load(ordering: .sequentiallyConsistent), failure)
    }

    @Test("all threads pass once it is open", arguments: [1, 2, 32])
    func open(count: Int) throws {
        let result = try passing(count, true) { _ in }
        #expect(result.passed == count && result.failure == nil)
    }

    @Test("a thread without its filter is told, and then none passes and none waits for ever")
    func failure() throws {
        let result = try passing(8, true) { index throws(SandboxError) in
            if index == 5 { throw .install("vcpu", .refused(.noMemory)) }
        }
        #expect(result.passed == 0)
        #expect(result.failure == .install("vcpu", .refused(.noMemory)))
    }

    @Test("it can be closed for good: all go home")
    func closed() throws {
        #expect(try passing(8, false) { _ in }.passed == 0)
    }
}
