// SPDX-License-Identifier: Apache-2.0
import LinuxLoader
import LinuxLoaderTestSupport
import Testing
import VMMemory

@Suite struct PVHNoteTests {
    private func pvhEntry(_ notes: [UInt8], alignment: UInt64 = 4) throws -> GuestAddress? {
        var builder = ELFBuilder()
        builder.notes = notes
        builder.noteAlignment = alignment
        return try ELFImageTests.image(builder.build().bytes).pvhEntry
    }

    @Test("the entry comes from a Xen note of type 18 with 4 or 8 bytes", arguments: [4, 8])
    func found(byteCount: Int) throws {
        #expect(try pvhEntry(ELFBuilder.pvhNote(0x100_0010, byteCount: byteCount)) == address(0x100_0010))
    }

    @Test("notes are padded to 4 bytes whatever the segment's alignment says", arguments: [0, 1, 4, 8] as [UInt64])
    func padding(alignment: UInt64) throws {
        let notes = ELFBuilder.note(name: "Linux", type: 257, descriptor: [1, 2, 3]) + ELFBuilder.pvhNote(0x100_0010)
        #expect(try pvhEntry(notes, alignment: alignment) == address(0x100_0010))
    }

    @Test("other owners and types are passed over")
    func others() throws {
        let notes =
            ELFBuilder.note(name: "XEN", type: 18, descriptor: [0x10, 0, 0, 1])
            + ELFBuilder.note(name: "Xen", type: 17, descriptor: [0x10, 0, 0, 1])
            + ELFBuilder.note(name: "Xenon", type: 18, descriptor: [0x10, 0, 0, 1])
        #expect(try pvhEntry(notes) == nil)
        #expect(try pvhEntry([]) == nil)
    }

    @Test(
        "a PVH note of another size, above 4 GiB or outside the segments is refused",
        arguments: [
            ELFBuilder.note(name: "Xen", type: 18, descriptor: []),
            ELFBuilder.note(name: "Xen", type: 18, descriptor: [1, 2]),
            ELFBuilder.note(name: "Xen", type: 18, descriptor: [UInt8](repeating: 0, count: 12)),
            ELFBuilder.pvhNote(0x1_0100_0000, byteCount: 8),
            ELFBuilder.pvhNote(0x100_0040),
            ELFBuilder.pvhNote(0),
        ])
    func refused(notes: [UInt8]) {
        #expect(throws: KernelImageError.malformedPVHNote) { _ = try pvhEntry(notes) }
    }

    @Test(
        "name and descriptor sizes that leave the segment are refused",
        arguments: [
            (0xffff_ffff as UInt32, 4 as UInt32), (4, 0xffff_ffff), (4, 5), (13, 4),
        ])
    func sizes(name: UInt32, descriptor: UInt32) {
        var note = ImageBytes(ELFBuilder.pvhNote(0x100_0010))
        note.set(name, at: 0)
        note.set(descriptor, at: 4)
        #expect(throws: KernelImageError.malformedNote(offset: 240)) { _ = try pvhEntry(note.bytes) }
    }

    @Test("a rest too short for a note ends the search")
    func rest() throws {
        #expect(try pvhEntry([1, 2, 3]) == nil)
        #expect(try pvhEntry(ELFBuilder.pvhNote(0x100_0010) + [1, 2, 3]) == address(0x100_0010))
    }

    @Test("a note segment larger than 64 KiB is refused without being read")
    func large() {
        #expect(throws: KernelImageError.malformedNote(offset: 240)) {
            _ = try pvhEntry([UInt8](repeating: 0, count: 65537))
        }
    }

    @Test("without a usable 64-bit entry the PVH one suffices")
    func alone() throws {
        var builder = ELFBuilder()
        builder.entry = 0
        builder.notes = ELFBuilder.pvhNote(0x100_0010)
        let image = try ELFImageTests.image(builder.build().bytes)
        #expect(image.entry == nil)
        #expect(image.pvhEntry == address(0x100_0010))
    }

    @Test("arm64 executables have no PVH entry")
    func arm64() throws {
        var builder = ELFBuilder()
        builder.machine = 183
        builder.notes = ELFBuilder.pvhNote(0x100_0010)
        #expect(try ELFImageTests.image(builder.build().bytes).pvhEntry == nil)
    }
}
