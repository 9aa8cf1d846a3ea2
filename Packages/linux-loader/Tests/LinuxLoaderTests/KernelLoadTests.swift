// SPDX-License-Identifier: Apache-2.0
import LinuxLoader
import LinuxLoaderTestSupport
import Testing
import VMMSysUtil
import VMMemory

@Suite struct KernelLoadTests {
    static let twoSegments = ELFBuilder(segments: [
        .init(address: 0x100_0000, bytes: [0xf4, 1, 2, 3], memoryByteCount: 0x1_0003),
        .init(address: 0x120_0000, bytes: [9, 8, 7], memoryByteCount: 3),
    ]).build().bytes

    @Test("segments arrive, BSS is zeroed to its last byte, and nothing else is touched")
    func segments() throws {
        let loaded = try Loaded(Self.twoSegments)
        #expect(try loaded.bytes(at: 0x100_0000, count: 6) == [0xf4, 1, 2, 3, 0, 0])
        #expect(try loaded.bytes(at: 0x100_0004, count: 0xffff).allSatisfy { $0 == 0 })
        #expect(try loaded.load(UInt8.self, at: 0x101_0003) == 0xa5)
        #expect(try loaded.bytes(at: 0x11f_ffff, count: 5) == [0xa5, 9, 8, 7, 0xa5])
    }

    @Test("the command line ends in its NUL over dirty memory")
    func commandLine() throws {
        let loaded = try Loaded(Self.twoSegments, commandLine: "a=b -- c")
        #expect(try loaded.bytes(at: 0x2_0000, count: 10) == Array("a=b -- c\0".utf8) + [0xa5])
    }

    @Test("a file and its bytes load alike")
    func file() throws {
        let kernel = try Kernel(file: temporaryFile(Self.twoSegments))
        let map = try MemoryMap.pc(ramByteCount: 32 << 20)
        let memory = try GuestMemory.anonymous(map.ramRanges)
        var generator = SplitMix64(seed: 1)
        let plan = try BootPlan.x86(
            kernel.contents, map: map, commandLine: CommandLine(parsing: "quiet"), using: &generator)
        try kernel.load(plan, into: memory)
        let other = try Loaded(Self.twoSegments)
        #expect(plan == other.plan)
        #expect(try memory.load(UInt32.self, at: address(0x100_0000)) == other.load(UInt32.self, at: 0x100_0000))
        #expect(try memory.load(UInt8.self, at: address(0x120_0002)) == 7)
    }

    @Test("a file that shrinks after it was opened is an error, not a signal")
    func shrinks() throws {
        let file = try temporaryFile(Self.twoSegments)
        let other = try file.duplicate()
        let kernel = try Kernel(file: file)
        try other.setByteCount(176)
        let map = try MemoryMap.pc(ramByteCount: 32 << 20)
        var generator = SplitMix64(seed: 1)
        let plan = try BootPlan.x86(
            kernel.contents, map: map, commandLine: CommandLine(parsing: "quiet"), using: &generator)
        let error = GuestMemoryError.endOfFile(address(0x100_0000), expected: 4, completed: 0)
        #expect(throws: KernelLoadError.memory(.kernel, error)) {
            try kernel.load(plan, into: GuestMemory.anonymous(map.ramRanges))
        }
    }

    @Test("guest memory that the plan does not match is an error")
    func wrongMemory() throws {
        let kernel = try withBytes(Self.twoSegments) { try Kernel(bytes: $0) }
        let plan = try BootPlanTests.plan(Self.twoSegments)
        let memory = try GuestMemory.anonymous([range(0, 0x110_0000)])
        #expect(throws: KernelLoadError.memory(.kernel, .unmapped(address(0x120_0000)))) {
            try kernel.load(plan, into: memory)
        }
    }

    @Test("a plan of another kernel is an error, wherever its segments point")
    func wrongPlan() throws {
        let big = ELFBuilder(segments: [.init(address: 0x100_0000, bytes: [UInt8](repeating: 1, count: 4096))])
        let plan = try BootPlanTests.plan(big.build().bytes)
        let kernel = try withBytes(Self.twoSegments) { try Kernel(bytes: $0) }
        let memory = try GuestMemory.anonymous([range(0, 32 << 20)])
        #expect(throws: KernelLoadError.planMismatch) { try kernel.load(plan, into: memory) }
    }

    @Test("an initrd is read from its file or copied, exactly")
    func initrd() throws {
        let bytes = (0..<5000).map { UInt8(truncatingIfNeeded: $0) }
        let plan = try BootPlanTests.plan(Self.twoSegments, initrdByteCount: 5000)
        let memory = try GuestMemory.anonymous([range(0, 32 << 20)])
        try plan.loadInitrd(temporaryFile(bytes), into: memory)
        var read = [UInt8](repeating: 0, count: 5000)
        try read.withUnsafeMutableBytes { try memory.read(at: address(0x1ff_e000), into: $0) }
        #expect(read == bytes)
        try bytes.reversed().withUnsafeBytes { try plan.loadInitrd(bytes: $0, into: memory) }
        #expect(try memory.load(UInt8.self, at: address(0x1ff_e000)) == bytes.last)
        #expect(throws: KernelLoadError.planMismatch) {
            try bytes.dropLast().withUnsafeBytes { try plan.loadInitrd(bytes: $0, into: memory) }
        }
        let short = GuestMemoryError.endOfFile(address(0x1ff_e000), expected: 5000, completed: 4999)
        #expect(throws: KernelLoadError.memory(.initrd, short)) {
            try plan.loadInitrd(temporaryFile(bytes.dropLast()), into: memory)
        }
    }

    @Test("a self-unpacking bzImage is copied from its protected-mode code on")
    func bzImage() throws {
        var builder = BzImageBuilder(payload: BzImageTests.packed, unpackedByteCount: nil)
        builder.code = [0xde, 0xad, 0xbe, 0xef]
        let loaded = try Loaded(builder.build().bytes)
        #expect(try loaded.bytes(at: 0x10_0000, count: 17) == [0xde, 0xad, 0xbe, 0xef] + BzImageTests.packed + [0xa5])
        #expect(try loaded.load(UInt32.self, at: 0x7214) == 0x10_0000)
    }

    @Test("what is no regular file, or empty, is refused on opening")
    func notFiles() throws {
        #expect(throws: KernelImageError.notARegularFile) { _ = try Kernel(file: FileDescriptor.open("/dev/zero")) }
        #expect(throws: KernelImageError.notARegularFile) { _ = try Kernel(file: FileDescriptor.open("/tmp")) }
        #expect(throws: KernelImageError.empty) { _ = try Kernel(file: temporaryFile([])) }
        #expect(throws: KernelImageError.unknownFormat) { _ = try Kernel(file: temporaryFile([0x7f])) }
        #expect(throws: KernelImageError.read(offset: 0, .badFileDescriptor)) {
            _ = try Kernel(file: writeOnlyFile())
        }
    }
}

/// A file with content that this descriptor cannot read.
private func writeOnlyFile() throws -> FileDescriptor {
    let file = try temporaryFile([1, 2, 3])
    return try FileDescriptor.open("/proc/self/fd/\(file.rawValue)", .writeOnly)
}
