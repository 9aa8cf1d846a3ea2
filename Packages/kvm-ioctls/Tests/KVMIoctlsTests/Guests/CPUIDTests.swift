// SPDX-License-Identifier: Apache-2.0
import KVMIoctls
import Testing
import VMMSysUtil

@Suite("CPUID and model-specific registers", needsKVM)
struct CPUIDTests {
    @Test("The list has as many entries as the kernel filled in")
    func supported() throws {
        let cpuid = try System().supportedCPUID()
        #expect(cpuid.entries.count > 4 && cpuid.entries.count < CPUID.maximumCount)
        #expect(cpuid.firstIndex(function: 0) != nil && cpuid.firstIndex(function: 0x4000_0000) != nil)
        #expect(cpuid.entries.last.map { $0.function != 0 } == true)
    }

    @Test("Too little room is E2BIG, and more than the kernel takes is refused before it is asked")
    func room() throws {
        let system = try System()
        #expect(throws: KVMError.ioctl("KVM_GET_SUPPORTED_CPUID", .tooBig)) {
            _ = try system.supportedCPUID(capacity: 1)
        }
        for count in [257, Int.max, -1] {
            #expect(throws: KVMError.tooManyEntries("KVM_GET_SUPPORTED_CPUID", count: count, limit: 256)) {
                _ = try system.supportedCPUID(capacity: count)
            }
        }
        let vcpu = try system.createVirtualMachine().createVCPU(id: 0)
        let many = CPUID([CPUID.Entry](repeating: .init(function: 0), count: 257))
        #expect(throws: KVMError.tooManyEntries("KVM_SET_CPUID2", count: 257, limit: 256)) { try vcpu.setCPUID(many) }
    }

    @Test("What was set is what the vCPU has")
    func roundTrip() throws {
        let system = try System()
        let vcpu = try system.createVirtualMachine().createVCPU(id: 0)
        let wanted = CPUID([
            .init(function: 0, eax: 1, ebx: 0x756E_6547, ecx: 0x6C65_746E, edx: 0x4965_6E69),
            .init(function: 1, eax: 0x623),
            .init(function: 4, index: 1, flags: CPUID.Entry.significantIndex, ebx: 7),
        ])
        try vcpu.setCPUID(wanted)
        let got = try vcpu.cpuid()
        // A KVM may add leaves of its own behind.
        #expect(got.entries.count >= 3 && got.entries.count < CPUID.maximumCount)
        #expect(got.firstIndex(function: 0).map { got.entries[$0].ebx } == 0x756E_6547)
        #expect(got.firstIndex(function: 4, index: 1).map { got.entries[$0].ebx } == 7)
        #expect(throws: KVMError.ioctl("KVM_GET_CPUID2", .tooBig)) { _ = try vcpu.cpuid(capacity: 1) }
    }

    @Test("The emulated list is a list of its own")
    func emulated() throws {
        let system = try System()
        guard try system.has(.extEmulCPUID) else { return }
        #expect(try system.emulatedCPUID().entries.count < CPUID.maximumCount)
    }

    @Test("The lists of registers are complete at the second call")
    func indices() throws {
        let system = try System()
        let state = try system.msrIndices()
        #expect(state.contains(0x174) && Set(state).count == state.count)
        if try system.has(.getMSRFeatures) {
            let features = try system.msrFeatureIndices()
            let values = try system.featureMSRs(features)
            #expect(values.count <= features.count)
            #expect(values.map(\.index) == Array(features.prefix(values.count)))
        }
    }

    @Test("Registers that were written are read back")
    func msrs() throws {
        let guest = try MicroGuest(Code.hlt)
        let wanted = [
            MSR(index: 0x174, value: 0x10), MSR(index: 0x175, value: 0x2000), MSR(index: 0x176, value: 0x3000),
        ]
        #expect(try guest.vcpu.setFirstMSRs(wanted) == 3)
        #expect(try guest.vcpu.firstMSRs([0x174, 0x175, 0x176]) == wanted)
        #expect(try guest.vcpu.msrs([0x174, 0x175, 0x176]) == wanted)
    }

    @Test("The kernel stops at the first register that it does not know, and that is not silent")
    func partial() throws {
        let guest = try MicroGuest(Code.hlt)
        let unknown: UInt32 = 0xDEAD_0000
        #expect(try guest.vcpu.firstMSRs([0x174, unknown, 0x175]).map(\.index) == [0x174])
        #expect(try guest.vcpu.setFirstMSRs([MSR(index: 0x174), MSR(index: unknown), MSR(index: 0x175)]) == 1)
        #expect(throws: KVMError.refusedRegister("KVM_GET_MSRS", index: unknown)) {
            _ = try guest.vcpu.msrs([0x174, unknown])
        }
        #expect(throws: KVMError.refusedRegister("KVM_SET_MSRS", index: unknown)) {
            try guest.vcpu.setMSRs([MSR(index: 0x174), MSR(index: unknown)])
        }
    }

    @Test("Any number of registers goes in portions; one portion has a limit")
    func many() throws {
        let guest = try MicroGuest(Code.hlt)
        let indices = [UInt32](repeating: 0x174, count: 600)
        #expect(try guest.vcpu.msrs(indices).count == 600)
        #expect(throws: KVMError.tooManyEntries("KVM_GET_MSRS", count: 600, limit: 255)) {
            _ = try guest.vcpu.firstMSRs(indices)
        }
        #expect(try guest.vcpu.firstMSRs(Array(indices.prefix(255))).count == 255)
        #expect(try guest.vcpu.firstMSRs([]).isEmpty)
    }
}
