// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMemory
import VirtioQueue
import VirtioQueueTestSupport

@Suite struct ReadmeTests {
    @Test("the example of the README echoes")
    func example() throws {
        let driver = try DriverQueue(size: 16)
        let queue = try driver.activate()
        let answer = driver.buffer(room: 5)
        try driver.send([driver.buffer(of: Array("hello".utf8)), answer])

        let outcome = try queue.serve(into: ChainBuffers(), limit: 64) { chain in
            var (reader, writer) = (chain.reader, chain.writer)
            while let byte = reader.read(UInt8.self) { writer.write(byte) }
            return .used(written: UInt32(writer.position))
        }
        #expect(outcome == .drained && queue.shouldSignalDriver())
        #expect(try driver.bytes(of: answer) == Array("hello".utf8))
    }
}
