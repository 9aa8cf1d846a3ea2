// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMSysUtil

@testable import NestAgent

struct RelayTests {
    private let bytes = (0..<50_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }

    private func deliver(
        patience: Duration = .seconds(10), _ write: (UnsafeRawBufferPointer) throws(Errno) -> Int
    ) -> Bool {
        bytes.withUnsafeBytes { Relay.deliver($0, patience: patience, write: write) }
    }

    @Test("a machine without large pieces of memory sends everything in small ones")
    func fragmentedMemory() {
        var sent: [UInt8] = []
        let isSent = deliver { piece throws(Errno) in
            if piece.count > 8192 { throw .noMemory }
            sent += piece
            return piece.count
        }
        #expect(isSent && sent == bytes)
    }

    @Test("a machine that has not even a page sends everything once it has one")
    func noMemoryForAWhile() {
        var sent: [UInt8] = []
        var calls = 0
        let isSent = deliver { piece throws(Errno) in
            calls += 1
            if calls % 7 != 0 { throw .noMemory }
            let count = min(piece.count, 5000)
            sent += piece.prefix(count)
            return count
        }
        #expect(isSent && sent == bytes)
    }

    @Test("a machine that never has a page, and a connection that is gone, end the stream")
    func giveUp() {
        #expect(!deliver(patience: .milliseconds(20)) { _ throws(Errno) in throw .noMemory })
        #expect(!deliver { _ throws(Errno) in throw .brokenPipe })
    }
}
