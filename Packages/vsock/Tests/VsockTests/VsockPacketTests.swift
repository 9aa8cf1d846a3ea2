// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMemory
import VirtioQueue
import VirtioQueueTestSupport
import Vsock

@Suite struct VsockPacketTests {
    static func header(_ operation: VsockOperation = .data, _ byteCount: UInt32) -> VsockHeader {
        VsockHeader(
            sourceCID: 3, destinationCID: 2, sourcePort: 5, destinationPort: 6, operation: operation,
            payloadByteCount: byteCount)
    }

    /// What becomes of bytes that are cut into descriptors.
    static func read(_ bytes: [UInt8], cuts: [Int], isIndirect: Bool = false) throws -> (VsockHeader, [UInt8]) {
        let driver = try DriverQueue(size: 64)
        var buffers: [DriverQueue.Buffer] = []
        var start = 0
        for cut in cuts + [bytes.count] {
            buffers.append(try driver.buffer(of: Array(bytes[start..<cut])))
            start = cut
        }
        try driver.send(buffers, isIndirect: isIndirect)
        let chain = ChainBuffers()
        let queue = try driver.activate()
        _ = try #require(try queue.pop(into: chain))
        let packet = try VsockPacket(from: chain)
        var payload = [UInt8](repeating: 0, count: Int(packet.payloadByteCount))
        var reader = packet.payload
        let isWhole = payload.withUnsafeMutableBytes { reader.readAll(into: $0) }
        #expect(isWhole)
        #expect(reader.remaining == 0)
        return (packet.header, payload)
    }

    @Test(
        "a packet is the same however it was cut",
        arguments: [[], [44], [1], [43], [45], [10, 20, 30, 44, 46], Array(1..<50), [0, 0, 44, 44]])
    func cuts(cuts: [Int]) throws {
        let payload: [UInt8] = [1, 2, 3, 4, 5, 6]
        for isIndirect in [false, true] {
            let (header, read) = try Self.read(
                Self.header(.data, 6).bytes + payload, cuts: cuts, isIndirect: isIndirect)
            #expect(header == Self.header(.data, 6))
            #expect(read == payload)
        }
    }

    @Test("bytes behind the payload are ignored, and a length of anything but data")
    func slack() throws {
        #expect(try Self.read(Self.header(.data, 2).bytes + [1, 2, 3], cuts: [44]).1 == [1, 2])
        #expect(try Self.read(Self.header(.shutdown, .max).bytes, cuts: []).1 == [])
    }

    @Test("what is no packet is told apart")
    func malformed() throws {
        #expect(throws: VsockPacketError.headerTooShort(byteCount: 43)) {
            try Self.read(Array(Self.header(.data, 0).bytes.dropLast()), cuts: [20])
        }
        #expect(throws: VsockPacketError.payloadTooShort(Self.header(.data, 3), available: 2)) {
            try Self.read(Self.header(.data, 3).bytes + [1, 2], cuts: [44])
        }
        #expect(throws: VsockPacketError.payloadTooShort(Self.header(.data, .max), available: 0)) {
            try Self.read(Self.header(.data, .max).bytes, cuts: [])
        }
    }
}
