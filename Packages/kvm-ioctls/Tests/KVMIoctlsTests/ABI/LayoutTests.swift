// SPDX-License-Identifier: Apache-2.0
import CKVMIoctlsABI
import KVMIoctls
import Testing

/// Sees internal structures: their layout is the package's interface to the kernel.
@Suite("Structure layouts against the installed kernel headers, without /dev/kvm")
struct LayoutTests {
    struct Row: CustomTestStringConvertible, Sendable {
        let name: String
        let ours: Int?
        var testDescription: String { name }

        init(_ name: String, _ ours: Int?) { (self.name, self.ours) = (name, ours) }

        static func size<T>(_ name: String, _ type: T.Type) -> Row { Row(name, MemoryLayout<T>.stride) }
        static func offset<T, F>(_ name: String, _ path: KeyPath<T, F>) -> Row {
            Row(name, MemoryLayout<T>.offset(of: path))
        }
    }

    @Test("Every structure has the kernel's size, and no bytes of padding at its end", arguments: sizes)
    func size(_ row: Row) { #expect(ckvm_layout(row.name) == row.ours, "\(row.name)") }

    @Test("Every field is where the kernel has it", arguments: registers + state + requests + runArea)
    func offset(_ row: Row) { #expect(ckvm_layout(row.name) == row.ours, "\(row.name)") }

    @Test("Structures that the headers lack have the size that their source gives")
    func newer() {
        #expect(MemoryLayout<UserMemoryRegion2>.stride == 160)  // Linux 6.8
        #expect(MemoryLayout<UserMemoryRegion2>.offset(of: \.file) == 40)
        #expect(MemoryLayout<GuestMemoryFile>.stride == 64)  // Linux 6.8
        #expect(MemoryLayout<MemoryAttributes>.stride == 32)  // Linux 6.8
        #expect(MemoryLayout<PreFaultMemory>.stride == 64)  // Linux 6.11
    }

    @Test("Saved bytes of an older or a newer version are taken over")
    func savedBytes() {
        var registers = Registers()
        registers.rax = 1
        registers.rflags = 2
        withUnsafeBytes(of: registers) { bytes in
            let older = Registers(savedBytes: UnsafeRawBufferPointer(rebasing: bytes.prefix(136)))
            #expect(older.rax == 1 && older.rflags == 0)
            let longer = Array(bytes) + [1, 2, 3]
            longer.withUnsafeBytes { #expect(Registers(savedBytes: $0) == registers) }
        }
        #expect(Registers(savedBytes: UnsafeRawBufferPointer(start: nil, count: 0)) == Registers())
    }
}
