// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMSysUtil

@Suite struct MemFDTests {
    @Test("it has the size asked for and reads as zeroes")
    func size() throws {
        let memory = try MemFD(name: "guest", byteCount: 12_345)
        #expect(try memory.descriptor.byteCount() == 12_345)
        #expect(try memory.descriptor.bytes(4, atOffset: 12_343) == [0, 0])
    }

    @Test("a sealed size cannot change, a sealed content cannot either")
    func seals() throws {
        let memory = try MemFD(name: "guest", byteCount: 4_096)
        #expect(try memory.seals() == [])
        try memory.addSeals([.shrink, .grow])
        #expect(try memory.seals() == [.shrink, .grow])
        #expect(throws: Errno.notPermitted) { try memory.descriptor.setByteCount(0) }
        #expect(throws: Errno.notPermitted) { try memory.descriptor.setByteCount(8_192) }
        try memory.addSeals(.write)
        #expect(throws: TransferError.failed(.notPermitted, transferred: 0)) { try memory.descriptor.writeAll([1]) }
        try memory.addSeals(.seal)
        #expect(throws: Errno.notPermitted) { try memory.addSeals(.futureWrite) }
    }

    @Test("made without sealing it takes no seals")
    func noSealing() throws {
        let memory = try MemFD(name: "guest", byteCount: 4_096, allowsSealing: false)
        #expect(throws: Errno.notPermitted) { try memory.addSeals(.grow) }
    }

    @Test(
        "names and sizes that the kernel cannot take are refused",
        arguments: [
            (String(repeating: "n", count: 250), UInt64(1)), ("a\u{0}b", 1), ("n", UInt64.max), ("n", 1 << 63),
        ])
    func refuses(_ name: String, _ byteCount: UInt64) {
        #expect(throws: Errno.invalidArgument) { _ = try MemFD(name: name, byteCount: byteCount) }
    }

    @Test("a size that is no multiple of the huge page is refused")
    func hugePages() {
        // Kernels round it up or refuse it; what must not come is a file of the odd size.
        guard let memory = try? MemFD(name: "huge", byteCount: 4_096, hugePages: .twoMebibytes) else { return }
        #expect((try? memory.descriptor.byteCount()).map { $0 % (2 << 20) } == 0)
    }
}
