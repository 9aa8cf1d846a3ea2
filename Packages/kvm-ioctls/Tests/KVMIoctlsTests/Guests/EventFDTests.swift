// SPDX-License-Identifier: Apache-2.0
import KVMIoctls
import Testing
import VMMSysUtil

@Suite("Signals in both directions", needsKVM)
struct EventFDTests {
    /// `mov dx, port` or a store, of each width, then a halt.
    static let matches: [(VirtualMachine.IOEventMatch, [UInt8], [UInt8])] = [
        (.byte(7), Code.out(0x20, 7), Code.out(0x20, 8)),
        (.word(0x0107), [0xB8, 0x07, 0x01, 0xE7, 0x20], [0xB8, 0x08, 0x01, 0xE7, 0x20]),
        (.long(0x0107), [0x66, 0xB8, 7, 1, 0, 0, 0x66, 0xE7, 0x20], [0x66, 0xB8, 7, 1, 0, 1, 0x66, 0xE7, 0x20]),
        (.width(1), Code.out(0x20, 99), [0xB8, 0x07, 0x01, 0xE7, 0x20]),
    ]

    @Test("A write that matches signals the eventfd without an exit; one that does not is an exit", arguments: 0..<4)
    func match(row: Int) throws {
        let (match, hit, miss) = EventFDTests.matches[row]
        let guest = try MicroGuest(hit + miss + hit + Code.hlt)
        let event = try EventFD()
        try guest.vm.registerIOEvent(event.descriptor, at: .port(0x20), matching: match)
        guard case .portWrite(let write) = try guest.run() else { Issue.record("no exit for the other value"); return }
        #expect(write.port == 0x20)
        #expect(try event.read() == 1)
        try guest.expectHalt()
        #expect(try event.read() == 1)
        try guest.vm.unregisterIOEvent(event.descriptor, at: .port(0x20), matching: match)
        try guest.restart()
        guard case .portWrite = try guest.run() else { Issue.record("still registered"); return }
    }

    @Test("An eight-byte match is taken for MMIO")
    func quad() throws {
        let guest = try MicroGuest(Code.hlt)
        let event = try EventFD()
        try guest.vm.registerIOEvent(event.descriptor, at: .mmio(0x1_0000_0000), matching: .quad(0x1122_3344_5566_7788))
        try guest.vm.unregisterIOEvent(
            event.descriptor, at: .mmio(0x1_0000_0000), matching: .quad(0x1122_3344_5566_7788))
    }

    @Test("A match of any write takes each width, for MMIO and for ports")
    func any() throws {
        let guest = try MicroGuest(
            Code.store(1, at: 0x9000) + [0xC7, 0x06, 0x00, 0x90, 1, 1]  // byte and word store
                + Code.out(0x20, 3) + [0xE7, 0x20] + Code.hlt, byteCount: 0x8000)
        let mmio = try EventFD()
        let port = try EventFD()
        try guest.vm.registerIOEvent(mmio.descriptor, at: .mmio(0x9000))
        try guest.vm.registerIOEvent(port.descriptor, at: .port(0x20))
        try guest.expectHalt()
        #expect(try mmio.read() == 2)
        #expect(try port.read() == 2)
    }

    @Test("One eventfd may stand for several addresses, and one address for one eventfd")
    func several() throws {
        let guest = try MicroGuest(
            Code.out(0x20, 1) + Code.out(0x21, 1) + Code.store(1, at: 0x9000) + Code.hlt, byteCount: 0x8000)
        let event = try EventFD()
        let other = try EventFD()
        try guest.vm.registerIOEvent(event.descriptor, at: .port(0x20))
        try guest.vm.registerIOEvent(event.descriptor, at: .port(0x21))
        try guest.vm.registerIOEvent(event.descriptor, at: .mmio(0x9000))
        #expect(throws: KVMError.ioctl("KVM_IOEVENTFD", .exists)) {
            try guest.vm.registerIOEvent(other.descriptor, at: .port(0x20))
        }
        #expect(throws: KVMError.ioctl("KVM_IOEVENTFD", .noSuchFile)) {
            try guest.vm.unregisterIOEvent(event.descriptor, at: .port(0x20), matching: .byte(1))
        }
        #expect(throws: KVMError.ioctl("KVM_IOEVENTFD", .invalidArgument)) {
            try guest.vm.registerIOEvent(other.descriptor, at: .port(0x30), matching: .width(3))
        }
        try guest.expectHalt()
        #expect(try event.read() == 3)
    }

    /// Waits with interrupts on; the handler of IRQ 5 (vector 0x25) writes to a port.
    private func waitingGuest() throws -> MicroGuest {
        let guest = try MicroGuest(Code.sti + Code.hlt + [0xEB, 0xFD], controllers: .full)
        guest.load(Code.out(0x33, 0x25) + Code.iret, at: 0x1100)
        guest.setVector(0x25, to: 0x1100)
        var pic = try #require(try guest.vm.pic(.picMaster))
        (pic.irqBase, pic.imr, pic.autoEOI) = (0x20, 0xDF, 1)
        try guest.vm.setPIC(.picMaster, to: pic)
        return guest
    }

    @Test("Writing an eventfd interrupts the guest, and several eventfds may raise one interrupt")
    func interrupt() throws {
        let guest = try waitingGuest()
        let first = try EventFD()
        let second = try EventFD()
        try guest.vm.registerInterrupt(first.descriptor, gsi: 5)
        try guest.vm.registerInterrupt(second.descriptor, gsi: 5)
        for _ in 0..<3 {
            try first.write()
            try guest.expectPortWrite(0x33, 0x25)
            try second.write()
            try guest.expectPortWrite(0x33, 0x25)
        }
    }

    @Test("An eventfd raises one interrupt only, and a pair that never was is unregistered without a word")
    func registration() throws {
        let guest = try waitingGuest()
        let event = try EventFD()
        try guest.vm.registerInterrupt(event.descriptor, gsi: 5)
        for gsi in [5, 6] as [UInt32] {
            #expect(throws: KVMError.self) { try guest.vm.registerInterrupt(event.descriptor, gsi: gsi) }
        }
        let other = try EventFD()
        try guest.vm.unregisterInterrupt(other.descriptor, gsi: 7)
        try guest.vm.unregisterInterrupt(event.descriptor, gsi: 5)
        try guest.vm.registerInterrupt(event.descriptor, gsi: 6)
    }

    @Test("Without an interrupt controller there is nothing to raise")
    func noController() throws {
        let guest = try MicroGuest(Code.hlt)
        let event = try EventFD()
        #expect(throws: KVMError.ioctl("KVM_IRQFD", .invalidArgument)) {
            try guest.vm.registerInterrupt(event.descriptor, gsi: 5)
        }
    }

    @Test(
        "A level-triggered eventfd tells when the guest has acknowledged",
        .enabled(if: kvmHas(.irqFDResample), "needs KVM_CAP_IRQFD_RESAMPLE"))
    func resample() throws {
        let guest = try waitingGuest()
        var pic = try #require(try guest.vm.pic(.picMaster))
        pic.elcr = 1 << 5  // level
        try guest.vm.setPIC(.picMaster, to: pic)
        let event = try EventFD()
        let resample = try EventFD()
        try guest.vm.registerInterrupt(event.descriptor, gsi: 5, resample: resample.descriptor)
        #expect(try resample.read() == nil)
        try event.write()
        try guest.expectPortWrite(0x33, 0x25)
        #expect(try resample.read() != nil)
    }
}
