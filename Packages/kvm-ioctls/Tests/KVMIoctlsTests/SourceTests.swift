// SPDX-License-Identifier: Apache-2.0
import Glibc
import KVMIoctls
import Testing

/// What only the source text can tell.
@Suite("The package's own text, without /dev/kvm")
struct SourceTests {
    static let package = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()

    private func text(_ path: String) throws -> String {
        let file = try #require(fopen(SourceTests.package + "/" + path, "r"), "\(path)")
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var byte = fgetc(file)
        while byte != EOF {
            bytes.append(UInt8(truncatingIfNeeded: byte))
            byte = fgetc(file)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test("The README's example is the program that is built")
    func readme() throws {
        let program = try text("Examples/MicroGuest/main.swift").split(separator: "\n", maxSplits: 2).last
        #expect(try text("README.md").contains("```swift\n" + (program ?? "-") + "```"))
    }

    @Test(
        "Every row of a request is in the table of all",
        arguments: [
            "Statistics", "System/System", "VirtualMachine/VirtualMachine", "VirtualMachine/VirtualMachine+Memory",
            "VirtualMachine/VirtualMachine+DirtyLog", "VirtualMachine/VirtualMachine+EventFD",
            "VirtualMachine/VirtualMachine+Interrupts", "VirtualMachine/VirtualMachine+Encryption", "VCPU/VCPU",
            "VCPU/CoalescedRing", "Device/Device", "x86_64/CPUID", "x86_64/MSR", "x86_64/Filters", "x86_64/VCPU+State",
            "x86_64/VCPU+VariableState", "x86_64/MachineCheck", "x86_64/VCPU+Events", "x86_64/VirtualMachine+x86",
        ])
    func rows(file: String) throws {
        let pieces = try text("Sources/KVMIoctls/\(file).swift").split(separator: "Ioctl(\"KVM_").dropFirst()
        #expect(!pieces.isEmpty)
        for piece in pieces {
            let name = "KVM_" + piece.prefix { $0 != "\"" }
            #expect(Ioctl.all.contains { $0.name == name }, "\(name)")
        }
    }
}
