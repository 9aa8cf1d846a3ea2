// SPDX-License-Identifier: Apache-2.0
import CKVMIoctlsABI
import KVMIoctls
import Testing
import VMMSysUtil

@Suite("Request numbers against the installed kernel headers, without /dev/kvm")
struct IoctlTests {
    /// Declared by hand from include/uapi/linux/kvm.h of the version named, because Debian 12's headers are of 6.1.
    static let uncheckedRequests: [String: UInt32] = [
        "KVM_SET_USER_MEMORY_REGION2": 0x40A0_AE49,  // 6.8
        "KVM_SET_MEMORY_ATTRIBUTES": 0x4020_AED2,  // 6.8
        "KVM_CREATE_GUEST_MEMFD": 0xC040_AED4,  // 6.8
        "KVM_PRE_FAULT_MEMORY": 0xC040_AED5,  // 6.11
    ]

    /// Likewise.
    static let uncheckedCapabilities: Set<String> = [
        "KVM_CAP_PMU_EVENT_MASKED_EVENTS", "KVM_CAP_COUNTER_OFFSET", "KVM_CAP_USER_MEMORY2",
        "KVM_CAP_MEMORY_FAULT_INFO", "KVM_CAP_MEMORY_ATTRIBUTES", "KVM_CAP_GUEST_MEMFD", "KVM_CAP_VM_TYPES",
        "KVM_CAP_PRE_FAULT_MEMORY", "KVM_CAP_X86_APIC_BUS_CYCLES_NS", "KVM_CAP_X86_GUEST_MODE",
        "KVM_CAP_GUEST_MEMFD_FLAGS",
    ]

    @Test("Every request has the kernel's number", arguments: Ioctl.all)
    func code(of ioctl: Ioctl) {
        let kernel = ckvm_request(ioctl.name)
        if kernel >= 0 {
            #expect(UInt(kernel) == UInt(ioctl.code), "\(ioctl.name)")
        } else {
            #expect(IoctlTests.uncheckedRequests[ioctl.name] == ioctl.code, "\(ioctl.name)")
        }
    }

    @Test("Every capability has the kernel's number", arguments: Capability.all)
    func number(of capability: Capability) {
        let kernel = ckvm_capability(capability.name)
        if kernel >= 0 {
            #expect(kernel == Int(capability.rawValue), "\(capability.name)")
        } else {
            #expect(IoctlTests.uncheckedCapabilities.contains(capability.name))
        }
    }

    @Test("No name occurs twice")
    func uniqueness() {
        #expect(Set(Ioctl.all.map(\.name)).count == Ioctl.all.count)
        #expect(Set(Capability.all.map(\.name)).count == Capability.all.count)
        #expect(Set(Capability.all.map(\.rawValue)).count == Capability.all.count)
    }

    @Test("A number is put together as the kernel's macros do")
    func encoding() {
        #expect(Ioctl("x", 0x80).code == 0xAE80)
        #expect(Ioctl("x", .write, 0x46, byteCount: 32).code == 0x4020_AE46)
        #expect(Ioctl("x", .read, 0x81, byteCount: 144).code == 0x8090_AE81)
        #expect(Ioctl("x", .readWrite, 0x05, byteCount: 8).code == 0xC008_AE05)
    }

    @Test("An error names the request and the cause in one line")
    func errorText() {
        let denied = KVMError.ioctl(Ioctl.createVM.name, .permissionDenied)
        #expect("\(denied)" == "KVM_CREATE_VM: Permission denied (EACCES)")
        let absent = KVMError.unavailable(path: "/dev/kvm", .noSuchFile)
        #expect("\(absent)" == "cannot open /dev/kvm: No such file or directory (ENOENT)")
        #expect(
            KVMError.refusedRegister("KVM_SET_MSRS", index: 0x10).description == "KVM_SET_MSRS: register 0x10 refused")
        #expect(absent.errno == .noSuchFile)
        #expect(KVMError.malformedAnswer("KVM_RUN").errno == nil)
    }
}
