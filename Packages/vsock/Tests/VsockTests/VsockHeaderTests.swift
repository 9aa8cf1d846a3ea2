// SPDX-License-Identifier: Apache-2.0
import Testing
import VirtioQueue
import VirtioQueueTestSupport
import Vsock

@Suite struct VsockHeaderTests {
    static let header = VsockHeader(
        sourceCID: 0x0102_0304_0506_0708, destinationCID: 0x1112_1314_1516_1718, sourcePort: 0x2122_2324,
        destinationPort: 0x3132_3334, operation: .other(0x4142), payloadByteCount: 0x5152_5354,
        type: .other(0x6162), flags: VsockFlags(rawValue: 0x7172_7374), bufferByteCount: 0x8182_8384,
        forwardedCount: 0x9192_9394)

    @Test("the bytes are where 5.10.6 puts them, little-endian")
    func layout() {
        #expect(
            Self.header.bytes == [
                8, 7, 6, 5, 4, 3, 2, 1, 0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11, 0x24, 0x23, 0x22, 0x21,
                0x34, 0x33, 0x32, 0x31, 0x54, 0x53, 0x52, 0x51, 0x62, 0x61, 0x42, 0x41, 0x74, 0x73, 0x72, 0x71,
                0x84, 0x83, 0x82, 0x81, 0x94, 0x93, 0x92, 0x91,
            ])
    }

    @Test("a header survives the way through bytes, numbers without a name too")
    func roundTrip() {
        #expect(Self.header.bytes.withUnsafeBytes { VsockHeader(bytes: $0) } == Self.header)
        for raw in (0...20 as ClosedRange<UInt16>) + [.max] {
            #expect(VsockOperation(rawValue: raw).rawValue == raw)
            #expect(VsockSocketType(rawValue: raw).rawValue == raw)
        }
        #expect(VsockOperation(rawValue: 5) == .data && VsockSocketType(rawValue: 1) == .stream)
    }

    @Test("43 bytes are no header")
    func tooShort() {
        #expect(Self.header.bytes.dropLast().withUnsafeBytes { VsockHeader(bytes: $0) } == nil)
    }

    @Test("an RST goes back where the packet came from, of its type")
    func resetAnswer() {
        let answer = Self.header.resetAnswer
        #expect(answer.sourceCID == Self.header.destinationCID && answer.destinationCID == Self.header.sourceCID)
        #expect(answer.sourcePort == 0x3132_3334 && answer.destinationPort == 0x2122_2324)
        #expect(answer.operation == .reset && answer.type == .other(0x6162) && answer.payloadByteCount == 0)
    }
}
