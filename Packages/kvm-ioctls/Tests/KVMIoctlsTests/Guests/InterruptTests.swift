// SPDX-License-Identifier: Apache-2.0
import KVMIoctls
import Testing
import VMMSysUtil

@Suite("Interrupts", needsKVM)
struct InterruptTests {
    /// Waits with interrupts on; the handler of each given vector writes the vector to port 0x33.
    private func waitingGuest(_ controllers: MicroGuest.Controllers, vectors: [UInt8]) throws -> MicroGuest {
        let guest = try MicroGuest(Code.sti + Code.hlt + [0xEB, 0xFD], controllers: controllers)
        for (index, vector) in vectors.enumerated() {
            let address = UInt16(0x1100 + index * 16)
            guest.load(Code.out(0x33, vector) + Code.iret, at: UInt64(address))
            guest.setVector(vector, to: address)
        }
        return guest
    }

    private func enableLocalAPIC(_ guest: MicroGuest) throws {
        var apic = try guest.vcpu.localAPIC()
        apic.setRegister(at: 0xF0, to: 0x1FF)
        try guest.vcpu.setLocalAPIC(apic)
    }

    @Test("A line of the in-kernel PIC interrupts the guest")
    func line() throws {
        let guest = try waitingGuest(.full, vectors: [0x25])
        var pic = try #require(try guest.vm.pic(.picMaster))
        (pic.irqBase, pic.imr, pic.autoEOI) = (0x20, 0xDF, 1)
        try guest.vm.setPIC(.picMaster, to: pic)
        #expect(try guest.vm.pic(.picMaster)?.irqBase == 0x20)
        try guest.vm.setInterruptLine(gsi: 5, isHigh: true)
        try guest.vm.setInterruptLine(gsi: 5, isHigh: false)
        try guest.expectPortWrite(0x33, 0x25)
        #expect(try guest.vm.setInterruptLineReportingStatus(gsi: 5, isHigh: true) > 0)
        try guest.expectPortWrite(0x33, 0x25)
    }

    @Test(
        "A message interrupts the guest, with either kind of controller",
        arguments: [MicroGuest.Controllers.full, .split])
    func message(controllers: MicroGuest.Controllers) throws {
        let guest = try waitingGuest(controllers, vectors: [0x41])
        try enableLocalAPIC(guest)
        #expect(try guest.vm.signalMSI(address: 0xFEE0_0000, data: 0x41))
        try guest.expectPortWrite(0x33, 0x41)
    }

    @Test("A route leads an eventfd to a message, and a new table replaces the old one")
    func routes() throws {
        let guest = try waitingGuest(.split, vectors: [0x41, 0x61])
        try enableLocalAPIC(guest)
        let event = try EventFD()
        try guest.vm.setInterruptRoutes([.init(gsi: 30, to: .msi(address: 0xFEE0_0000, data: 0x41))])
        try guest.vm.registerInterrupt(event.descriptor, gsi: 30)
        try event.write()
        try guest.expectPortWrite(0x33, 0x41)
        try guest.vm.setInterruptRoutes([.init(gsi: 30, to: .msi(address: 0xFEE0_0000, data: 0x61))])
        try event.write()
        try guest.expectPortWrite(0x33, 0x61)
    }

    @Test("More routes than the kernel takes are refused before it is asked, as many as it takes are taken")
    func routeLimit() throws {
        let vm = try System().createVirtualMachine()
        try vm.createSplitInterruptController()
        let routes = (0..<4097).map { InterruptRoute(gsi: UInt32($0 % 4096), to: .msi(address: 0xFEE0_0000, data: 1)) }
        #expect(throws: KVMError.tooManyEntries("KVM_SET_GSI_ROUTING", count: 4097, limit: 4096)) {
            try vm.setInterruptRoutes(routes)
        }
        try vm.setInterruptRoutes(Array(routes.prefix(4096)))
        try vm.setInterruptRoutes([])
        #expect(throws: KVMError.ioctl("KVM_SET_GSI_ROUTING", .invalidArgument)) {
            try vm.setInterruptRoutes([.init(gsi: 4096, to: .msi(address: 0xFEE0_0000, data: 1))])
        }
    }

    @Test("The local APIC is there only if the controllers came first")
    func localAPIC() throws {
        let bare = try MicroGuest(Code.hlt)
        #expect(throws: KVMError.ioctl("KVM_GET_LAPIC", .invalidArgument)) { _ = try bare.vcpu.localAPIC() }
        let vm = try System().createVirtualMachine()
        _ = try vm.createVCPU(id: 0)
        #expect(throws: KVMError.self) { try vm.createInterruptControllers() }
        let guest = try MicroGuest(Code.hlt, controllers: .full)
        #expect(throws: KVMError.ioctl("KVM_CREATE_IRQCHIP", .exists)) { try guest.vm.createInterruptControllers() }
        var apic = try guest.vcpu.localAPIC()
        #expect(apic.register(at: 0x30) != nil && apic.register(at: 0x31) == nil && apic.register(at: 0x400) == nil)
        #expect(apic.register(at: -16) == nil)
        let isSet = apic.setRegister(at: 1024, to: 0)
        #expect(!isSet)
        apic.setRegister(at: 0x350, to: 0x700)
        try guest.vcpu.setLocalAPIC(apic)
        #expect(try guest.vcpu.localAPIC().register(at: 0x350) == 0x700)
    }

    @Test("The controllers' and the timer's states are read and written back")
    func controllerState() throws {
        let guest = try MicroGuest(Code.hlt, controllers: .full)
        try guest.vm.createPIT()
        var ioapic = try guest.vm.ioapic()
        #expect(ioapic.baseAddress == 0xFEC0_0000)
        ioapic.redirections[4] = 0x1_0000 | 0x44
        try guest.vm.setIOAPIC(ioapic)
        #expect(try guest.vm.ioapic().redirections[4] & 0xFF == 0x44)
        #expect(try guest.vm.pic(.ioapic) == nil)
        #expect(throws: KVMError.self) { try guest.vm.setPIC(.ioapic, to: PIC()) }
        #expect(try guest.vm.pic(.picSlave) != nil)
        let pit = try guest.vm.pit()
        try guest.vm.setPIT(pit)
        try guest.vm.setPITReinjection(false)
        var clock = try guest.vm.clock()
        clock.nanoseconds = 1_000_000_000
        clock.flags = 0
        try guest.vm.setClock(clock)
        #expect(try guest.vm.clock().nanoseconds >= 1_000_000_000)
    }

    @Test("A vCPU without a controller takes an interrupt when its window opens")
    func window() throws {
        let guest = try MicroGuest(Code.nop + Code.out(0x10, 1) + Code.sti + Code.spin)
        guest.load(Code.out(0x33, 0x40) + Code.iret, at: 0x1100)
        guest.setVector(0x40, to: 0x1100)
        try guest.expectPortWrite(0x10, 1)
        #expect(!guest.vcpu.isReadyForInterrupt && !guest.vcpu.interruptFlag)
        guest.vcpu.requestsInterruptWindow = true
        let exit = try guest.run()
        guard case .interruptWindowOpen = exit else { Issue.record("\(exit) instead of a window"); return }
        #expect(guest.vcpu.isReadyForInterrupt && guest.vcpu.interruptFlag)
        guest.vcpu.requestsInterruptWindow = false
        try guest.vcpu.interrupt(vector: 0x40)
        try guest.expectPortWrite(0x33, 0x40)
    }

    @Test("A non-maskable interrupt wakes a guest that keeps all others away")
    func nmi() throws {
        let guest = try MicroGuest(Code.cli + Code.hlt + Code.hlt, controllers: .full)
        guest.load(Code.out(0x33, 2) + Code.iret, at: 0x1100)
        guest.setVector(2, to: 0x1100)
        try guest.vcpu.injectNMI()
        try guest.expectPortWrite(0x33, 2)
    }

    @Test("An application processor waits, and starts where its start-up message says")
    func applicationProcessor() throws {
        let guest = try MicroGuest(Code.hlt, controllers: .full)
        let second = try guest.vm.createVCPU(id: 1)
        #expect(try guest.vcpu.state() == .runnable)
        #expect(try second.state() == .uninitialized)
        // SIPI vector 2: 0x2000, reached by a state of its own so that no local APIC code is needed.
        guest.load(Code.out(0x44, 9) + Code.hlt, at: 0x2000)
        var events = try second.events()
        events.sipiVector = 2
        events.flags |= 2  // KVM_VCPUEVENT_VALID_SIPI_VECTOR
        try second.setEvents(events)
        try second.setState(.sipiReceived)
        for _ in 0..<100 {
            guard case .portWrite(let write) = try second.run() else { continue }
            #expect(write.port == 0x44 && write.value == 9)
            return
        }
        Issue.record("the second vCPU did not start")
    }
}
