// SPDX-License-Identifier: Apache-2.0
import LinuxLoader
import LinuxLoaderTestSupport
import Testing
import VMMemory

@Suite struct ELFImageTests {
    static let entry: UInt64 = 0x100_0000

    static func elf(_ spoil: (inout ImageBytes) -> Void = { _ in }) -> [UInt8] {
        var file = ELFBuilder().build()
        spoil(&file)
        return file.bytes
    }

    static func image(_ bytes: [UInt8]) throws -> ELFImage {
        guard case .elf(let image) = try parse(bytes) else { throw Missing() }
        return image
    }

    @Test("an executable's machine, segments and entry come out")
    func parses() throws {
        let image = try Self.image(Self.elf())
        #expect(image.architecture == .x86_64)
        #expect(image.segments.count == 1)
        #expect(image.segments.first?.range == (try range(0x100_0000, 64)))
        #expect(image.entry == address(Self.entry))
        #expect(image.pvhEntry == nil)
        #expect(image.relocations == nil)
        #expect(try parse(Self.elf()).architecture == .x86_64)
    }

    @Test(
        "arm64 and riscv64 executables are read on any host",
        arguments: [
            (183 as UInt16, Architecture.arm64), (243, .riscv64),
        ])
    func machines(machine: UInt16, architecture: Architecture) throws {
        var builder = ELFBuilder()
        builder.machine = machine
        #expect(try Self.image(builder.build().bytes).architecture == architecture)
    }

    struct Bad: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let error: KernelImageError
        let bytes: [UInt8]

        init(_ name: String, _ error: KernelImageError, _ spoil: (inout ImageBytes) -> Void) {
            testDescription = name
            self.error = error
            bytes = elf(spoil)
        }

        init(_ name: String, _ error: KernelImageError, _ builder: ELFBuilder) {
            testDescription = name
            self.error = error
            bytes = builder.build().bytes
        }
    }

    private static func segments(_ segments: ELFBuilder.Segment..., entry: UInt64? = nil) -> ELFBuilder {
        ELFBuilder(segments: segments, entry: entry)
    }

    private static let header = ELFBuilder.programHeader(0)

    static let bad: [Bad] = [
        Bad("bad magic", .unknownFormat) { $0.set(0x7e as UInt8, at: 0) },
        Bad("32-bit", .elfClass(1)) { $0.set(1 as UInt8, at: 4) },
        Bad("big endian", .elfByteOrder(2)) { $0.set(2 as UInt8, at: 5) },
        Bad("identity version 0", .elfVersion(0)) { $0.set(0 as UInt8, at: 6) },
        Bad("version 2", .elfVersion(2)) { $0.set(2 as UInt32, at: 20) },
        Bad("relocatable object", .elfType(1)) { $0.set(1 as UInt16, at: 16) },
        Bad("core file", .elfType(4)) { $0.set(4 as UInt16, at: 16) },
        Bad("i386", .elfMachine(3)) { $0.set(3 as UInt16, at: 18) },
        Bad("wrong program header size", .elfProgramHeaderSize(57)) { $0.set(57 as UInt16, at: 54) },
        Bad("no program headers", .elfProgramHeaderCount(0, limit: 128)) { $0.set(0 as UInt16, at: 56) },
        Bad("65535 program headers", .elfProgramHeaderCount(65535, limit: 128)) { $0.set(UInt16.max, at: 56) },
        Bad("program headers in the header", .elfProgramHeaderOffset(32)) { $0.set(32 as UInt64, at: 32) },
        Bad("program headers past the file", .truncated(.programHeaders, needed: 1056, available: 184)) {
            $0.set(1000 as UInt64, at: 32)
        },
        Bad("program headers past 2^64", .truncated(.programHeaders, needed: .max, available: 184)) {
            $0.set(UInt64.max, at: 32)
        },
        Bad("no segment", .noLoadableSegment) { $0.set(0 as UInt32, at: header) },
        Bad("segment without memory", .noLoadableSegment) {
            $0.set(0 as UInt64, at: header + 32)
            $0.set(0 as UInt64, at: header + 40)
        },
        Bad("more in the file than in memory", .segmentFileLargerThanMemory(index: 0, file: 64, memory: 63)) {
            $0.set(63 as UInt64, at: header + 40)
        },
        Bad("segment past the file", .truncated(.segment, needed: 185, available: 184)) {
            $0.set(65 as UInt64, at: header + 32)
            $0.set(65 as UInt64, at: header + 40)
        },
        Bad("segment offset past 2^64", .truncated(.segment, needed: .max, available: 184)) {
            $0.set(UInt64.max, at: header + 8)
        },
        Bad(
            "segment past the address space",
            .segmentAddressOverflow(index: 0, address: 0x100_0000, byteCount: .max)
        ) { $0.set(UInt64.max, at: header + 40) },
        Bad(
            "overlap", .segmentsOverlap(index: 1, other: 0),
            segments(.init(address: 0x100_0000, bytes: [1, 2]), .init(address: 0x100_0001, bytes: [3]))),
        Bad(
            "overlap with a BSS, out of order", .segmentsOverlap(index: 1, other: 0),
            segments(
                .init(address: 0x100_1000, bytes: [1]),
                .init(address: 0x100_0000, bytes: [3], memoryByteCount: 0x1001), entry: 0x100_0000)),
        Bad("entry past the end", .entryOutsideSegments(0x100_0040)) { $0.set(0x100_0040 as UInt64, at: 24) },
        Bad("entry below", .entryOutsideSegments(0xff_ffff)) { $0.set(0xff_ffff as UInt64, at: 24) },
        Bad("entry at the top", .entryOutsideSegments(.max)) { $0.set(UInt64.max, at: 24) },
    ]

    @Test("a malformed ELF is refused with its own error", arguments: bad)
    func refuses(_ row: Bad) {
        #expect(throws: row.error) { _ = try parse(row.bytes) }
        #expect(!row.error.description.contains("\n"))
    }

    @Test("every prefix of a kernel is refused as truncated, never loaded in part")
    func truncation() throws {
        var builder = ELFBuilder()
        builder.notes = ELFBuilder.pvhNote(Self.entry)
        let whole = builder.build().bytes
        for count in 0..<whole.count {
            do throws(KernelImageError) {
                _ = try parse(Array(whole[..<count]))
                Issue.record("\(count) bytes were accepted")
            } catch {
                switch error {
                case .truncated, .unknownFormat, .empty: break
                default: Issue.record("\(count) bytes: \(error)")
                }
            }
        }
    }

    @Test("segments come sorted by address, and other program headers are ignored")
    func sorts() throws {
        let builder = Self.segments(
            .init(address: 0x300_0000, bytes: [3]), .init(address: 0x100_0000, bytes: [1]),
            .init(address: 0x200_0000, bytes: [], memoryByteCount: 0x1000), entry: 0x100_0000)
        let image = try Self.image(builder.build().bytes)
        #expect(
            image.segments.map { $0.range.start } == [address(0x100_0000), address(0x200_0000), address(0x300_0000)])
        #expect(image.range == (try range(0x100_0000, 0x200_0001)))
    }

    @Test("a virtual entry is translated to its physical address")
    func virtualEntry() throws {
        let builder = Self.segments(
            .init(address: 0x100_0000, bytes: [1, 2, 3, 4]), entry: 0xffff_ffff_8100_0002)
        #expect(try Self.image(builder.build().bytes).entry == address(0x100_0002))
    }

    @Test("the limit on program headers can be lowered")
    func limit() {
        var builder = ELFBuilder()
        builder.notes = []
        #expect(throws: KernelImageError.elfProgramHeaderCount(2, limit: 1)) {
            _ = try parse(builder.build().bytes, limits: KernelLimits(programHeaders: 1))
        }
    }

    @Test("an empty file is told from an unknown one")
    func empty() {
        #expect(throws: KernelImageError.empty) { _ = try parse([]) }
        #expect(throws: KernelImageError.unknownFormat) {
            _ = try parse(Array("#!/bin/sh\n".utf8))
        }
    }
}
