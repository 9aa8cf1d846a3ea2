// SPDX-License-Identifier: Apache-2.0
import KVMIoctls
import Testing
import VMMSysUtil

@Suite("A vCPU's state", needsKVM)
struct StateTests {
    @Test("General registers are read back as written, and the guest sees and changes them")
    func registers() throws {
        let guest = try MicroGuest([0x01, 0xD8] + Code.hlt)  // add ax, bx
        var registers = try guest.vcpu.registers()
        registers.rax = 2
        registers.rbx = 3
        registers.r15 = 0x1122_3344_5566_7788
        try guest.vcpu.setRegisters(registers)
        #expect(try guest.vcpu.registers() == registers)
        try guest.expectHalt()
        let after = try guest.vcpu.registers()
        #expect(after.rax == 5 && after.r15 == registers.r15 && after.rip == 0x1003)
    }

    @Test("Special, debug and floating-point registers are read back as written")
    func otherRegisters() throws {
        let guest = try MicroGuest(Code.hlt)
        var special = try guest.vcpu.specialRegisters()
        special.ds.base = 0x5000
        special.ds.selector = 0x500
        special.gdt.base = 0x700
        try guest.vcpu.setSpecialRegisters(special)
        let readBack = try guest.vcpu.specialRegisters()
        #expect(readBack.ds.base == 0x5000 && readBack.gdt.base == 0x700)
        var debug = try guest.vcpu.debugRegisters()
        debug.db[0] = 0x1234
        try guest.vcpu.setDebugRegisters(debug)
        #expect(try guest.vcpu.debugRegisters().db[0] == 0x1234)
        var fpu = try guest.vcpu.fpu()
        fpu.fcw = 0x37F
        fpu.xmm[0] = 0xAB
        try guest.vcpu.setFPU(fpu)
        let fpuBack = try guest.vcpu.fpu()
        #expect(fpuBack.fcw == 0x37F && fpuBack.xmm[0] == 0xAB)
        let events = try guest.vcpu.events()
        try guest.vcpu.setEvents(events)
        #expect(try guest.vcpu.events() == events)
    }

    @Test(
        "The PAE form of the special registers agrees with the plain one",
        .enabled(if: kvmHas(.sregs2), "needs KVM_CAP_SREGS2"))
    func specialRegisters2() throws {
        let guest = try MicroGuest(Code.hlt)
        let wide = try guest.vcpu.specialRegisters2()
        let plain = try guest.vcpu.specialRegisters()
        #expect(wide.cr0 == plain.cr0 && wide.efer == plain.efer && wide.cs == plain.cs && wide.flags == 0)
        try guest.vcpu.setSpecialRegisters2(wide)
    }

    @Test(
        "Extended state is read back as written, at each of its sizes",
        .enabled(if: kvmHas(.xsave), "needs KVM_CAP_XSAVE"))
    func extendedState() throws {
        let guest = try MicroGuest(Code.hlt)
        try guest.vcpu.setCPUID(try guest.system.supportedCPUID())
        let plain = try guest.vcpu.xsave()
        #expect(plain.count == 4096)
        try guest.vcpu.setXSave(plain)
        if try guest.vm.has(.xsave2) {
            let byteCount = try guest.vm.check(.xsave2)
            let whole = try guest.vcpu.xsave(byteCount: byteCount)
            #expect(whole.count == byteCount && byteCount >= 4096)
            try guest.vcpu.setXSave(whole)
        }
        for byteCount in [0, 4095, 65_537, Int.max, -1] {
            #expect(throws: KVMError.self) { _ = try guest.vcpu.xsave(byteCount: byteCount) }
        }
        #expect(throws: KVMError.self) { try guest.vcpu.setXSave([UInt8](repeating: 0, count: 65_537)) }
        if kvmHas(.xcrs) {
            let control = try guest.vcpu.extendedControlRegisters()
            #expect(control.count >= 1 && control.entries[0].index == 0 && control.entries[0].value & 1 == 1)
            try guest.vcpu.setExtendedControlRegisters(control)
        }
    }

    @Test(
        "Without a nested guest only the header counts",
        .enabled(if: kvmHas(.nestedState), "needs KVM_CAP_NESTED_STATE"))
    func nestedState() throws {
        let guest = try MicroGuest(Code.hlt)
        try guest.vcpu.setCPUID(try guest.system.supportedCPUID())
        let state = try guest.vcpu.nestedState()
        #expect(state.count == 128)
        try guest.vcpu.setNestedState(state)
    }

    @Test("A nested state that names more bytes than it has never reaches the kernel")
    func hostileNestedState() throws {
        let guest = try MicroGuest(Code.hlt)
        var bytes = [UInt8](repeating: 0, count: 128)
        for size in [127, 129, UInt32.max] as [UInt32] {
            for index in 0..<4 { bytes[4 + index] = UInt8(truncatingIfNeeded: size >> (index * 8)) }
            #expect(throws: KVMError.invalidArgument("KVM_SET_NESTED_STATE", reason: "128 bytes name another size")) {
                try guest.vcpu.setNestedState(bytes)
            }
        }
        #expect(throws: KVMError.invalidArgument("KVM_SET_NESTED_STATE", reason: "0 bytes name another size")) {
            try guest.vcpu.setNestedState([])
        }
    }

    @Test(
        "Synchronized registers are there after an exit, and what is set goes in",
        .enabled(if: kvmHas(.syncRegisters), "needs KVM_CAP_SYNC_REGS"))
    func synchronized() throws {
        let guest = try MicroGuest([0x40] + Code.hlt)  // inc ax
        guest.vcpu.synchronizedSets = [.general, .special, .events]
        try guest.expectHalt()
        var registers = guest.vcpu.synchronizedRegisters
        #expect(try guest.vcpu.registers() == registers)
        #expect(registers.rax == 1)
        #expect(guest.vcpu.synchronizedSpecialRegisters.cr0 == (try guest.vcpu.specialRegisters().cr0))
        _ = guest.vcpu.synchronizedEvents
        registers.rip = MicroGuest.entry
        registers.rax = 41
        guest.vcpu.synchronizedRegisters = registers
        try guest.expectHalt()
        #expect(guest.vcpu.synchronizedRegisters.rax == 42)
        guest.vcpu.synchronizedSets = RegisterSets(rawValue: 1 << 40)
        #expect(throws: KVMError.ioctl("KVM_RUN", .invalidArgument)) { _ = try guest.vcpu.run() }
    }

    @Test("Addresses without paging lead to themselves")
    func translate() throws {
        let guest = try MicroGuest(Code.hlt)
        #expect(try guest.vcpu.translate(linearAddress: 0x1234) == 0x1234)
    }

    @Test("The clock's rate is a number, and a guest without kvm-clock is told of no pause")
    func time() throws {
        let guest = try MicroGuest(Code.hlt)
        #expect(try guest.vcpu.tscKHz() > 1000)
        #expect(throws: KVMError.ioctl("KVM_KVMCLOCK_CTRL", .invalidArgument)) { try guest.vcpu.notifyGuestPaused() }
        if kvmHas(.vcpuAttributes), try guest.vcpu.has(DeviceAttribute<UInt64>.tscOffset) {
            let offset = try guest.vcpu.get(DeviceAttribute<UInt64>.tscOffset, initial: 0)
            try guest.vcpu.set(DeviceAttribute<UInt64>.tscOffset, to: offset)
        }
        #expect(try guest.vcpu.has(DeviceAttribute<UInt64>(group: 77, attribute: 0)) == false)
    }

    @Test("A mask may not keep kicks away")
    func signalMask() throws {
        let guest = try MicroGuest(Code.hlt)
        try guest.vcpu.setSignalMask(blocking: [.user1])
        try guest.expectHalt()
        try guest.vcpu.setSignalMask(blocking: nil)
        #expect(throws: KVMError.self) { try guest.vcpu.setSignalMask(blocking: .all) }
    }

    @Test(
        "A filtered register becomes an exit that is answered or faults",
        .enabled(if: kvmHas(.x86MSRFilter) && kvmHas(.x86UserSpaceMSR), "needs KVM_CAP_X86_MSR_FILTER"))
    func filteredRegister() throws {
        let guest = try MicroGuest(
            Code.rdmsr(0x174) + [0xE7, 0x12] + Code.wrmsr(0x174, 0x55) + Code.rdmsr(0x174) + Code.hlt)
        guest.load(Code.out(0x33, 13) + Code.hlt, at: 0x1100)
        guest.setVector(13, to: 0x1100)
        try guest.vm.enable(.x86UserSpaceMSR, UInt64(MSRExitReason([.filter, .unknown]).rawValue))
        try guest.vm.setMSRFilter([MSRFilterRange([.read, .write], base: 0x174, count: 1, allows: false)])
        guard case .msrRead(let read) = try guest.run() else { Issue.record("no read"); return }
        #expect(read.index == 0x174 && read.reason == .filter)
        read.answer(0xABCD)
        try guest.expectPortWrite(0x12, 0xABCD)
        guard case .msrWrite(let write) = try guest.run() else { Issue.record("no write"); return }
        #expect(write.index == 0x174 && write.value == 0x55)
        guard case .msrRead(let second) = try guest.run() else { Issue.record("no second read"); return }
        second.fault()
        try guest.expectPortWrite(0x33, 13)
    }

    @Test(
        "A filter that is too long, too short or denies everything is refused",
        .enabled(if: kvmHas(.x86MSRFilter), "needs KVM_CAP_X86_MSR_FILTER"))
    func filterLimits() throws {
        let vm = try System().createVirtualMachine()
        let range = MSRFilterRange(.read, base: 0, count: 9, allows: true)
        #expect(range.bitmap.count == 2)
        try vm.setMSRFilter([MSRFilterRange](repeating: range, count: 16))
        #expect(throws: KVMError.tooManyEntries("KVM_X86_SET_MSR_FILTER", count: 17, limit: 16)) {
            try vm.setMSRFilter([MSRFilterRange](repeating: range, count: 17))
        }
        let short = MSRFilterRange(.read, base: 0, count: 9, bitmap: [0xFF])
        #expect(throws: KVMError.invalidArgument("KVM_X86_SET_MSR_FILTER", reason: "1 bytes for 9 registers")) {
            try vm.setMSRFilter([short])
        }
        let huge = MSRFilterRange(.read, base: 0, count: .max, bitmap: [0xFF])
        #expect(throws: KVMError.self) { try vm.setMSRFilter([huge]) }
        #expect(throws: KVMError.ioctl("KVM_X86_SET_MSR_FILTER", .invalidArgument)) {
            try vm.setMSRFilter([], allowsByDefault: false)
        }
    }

    @Test("More performance events than the kernel takes are refused before it is asked")
    func performanceFilter() throws {
        let vm = try System().createVirtualMachine()
        #expect(throws: KVMError.tooManyEntries("KVM_SET_PMU_EVENT_FILTER", count: 301, limit: 300)) {
            try vm.setPerformanceEventFilter([UInt64](repeating: 0, count: 301), allowsListed: true)
        }
        if kvmHas(.pmuEventFilter) { try? vm.setPerformanceEventFilter([0xC0], allowsListed: true) }
    }

    @Test(
        "A hypercall that user space answers, or the vendor's instruction is known to work here",
        .enabled(if: kvmHas(.exitHypercall), "needs KVM_CAP_EXIT_HYPERCALL"))
    func hypercallCapability() throws {
        let vm = try System().createVirtualMachine()
        let mask = try vm.check(.exitHypercall)
        try vm.enable(.exitHypercall, UInt64(mask))
        #expect(throws: KVMError.ioctl("KVM_ENABLE_CAP", .invalidArgument)) { try vm.enable(.exitHypercall, .max) }
    }

    @Test("Machine checks are set up with what this KVM offers", .enabled(if: kvmHas(.mce), "needs KVM_CAP_MCE"))
    func machineCheck() throws {
        let guest = try MicroGuest(Code.hlt)
        let offered = try guest.system.machineCheckCapability()
        try guest.vcpu.setUpMachineCheck(capability: (offered & ~0xFF) | 1)
        var check = MachineCheck()
        check.bank = 200
        check.status = 1 << 63
        #expect(throws: KVMError.ioctl("KVM_X86_SET_MCE", .invalidArgument)) {
            try guest.vcpu.injectMachineCheck(check)
        }
    }
}
