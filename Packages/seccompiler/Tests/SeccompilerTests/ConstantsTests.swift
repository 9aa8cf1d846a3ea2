// SPDX-License-Identifier: Apache-2.0
import CSeccompilerABI
import Seccompiler
import Testing

@Suite struct ConstantsTests {
    #if arch(x86_64)
        @Test("each constant has the value of the machine's headers")
        func headers() {
            var found: Set<String> = []
            for row in UnsafeBufferPointer(start: abi_first(), count: abi_constant_count) {
                let name = String(cString: row.name)
                found.insert(name)
                // The kernel takes AT_FDCWD as an int.
                let value = name == "AT_FDCWD" ? row.value & 0xFFFF_FFFF : row.value
                #expect(Architecture.x86_64.constant(name) == value, "\(name)")
            }
            #expect(Set(Architecture.x86_64.constantNames) == found)
        }
    #endif

    @Test("names, hexadecimal numbers and joins of them are read, all else is not")
    func expressions() {
        let x86 = Architecture.x86_64
        #expect(x86.constant("CLONE_VM|CLONE_FS | 0x1") == 0x301)
        #expect(x86.constant("0xffffffffffffffff") == .max)
        for text in [
            "", "|", "0x", "0x10000000000000000", "0x-1", "0x+1", "12", "clone_vm", "CLONE_VM|", "CLONE_VM CLONE_FS",
        ] {
            #expect(x86.constant(text) == nil, "\(text)")
        }
    }

    @Test("requests whose structure is one architecture's are that one's only")
    func requests() {
        #expect(Architecture.x86_64.constant("KVM_SET_SREGS") != nil)
        #expect(Architecture.aarch64.constant("KVM_SET_SREGS") == nil)
        #expect(Architecture.aarch64.constant("KVM_ARM_VCPU_INIT") == 0x4020_AEAE)
        #expect(Architecture.riscv64.constant("KVM_RUN") == 0xAE80)
        #expect(Architecture.riscv64.ioctlName(0xAE80) == "KVM_RUN")
    }
}
