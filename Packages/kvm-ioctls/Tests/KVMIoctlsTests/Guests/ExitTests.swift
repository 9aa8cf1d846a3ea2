// SPDX-License-Identifier: Apache-2.0
import Glibc
import KVMIoctls
import Testing

@Suite("Exits of real guests", needsKVM)
struct ExitTests {
    @Test("Port accesses of each width come out and their answers go in")
    func ports() throws {
        let guest = try MicroGuest(
            [0xE4, 0x11, 0xE6, 0x12]  // in al, 0x11; out 0x12, al
                + [0xE5, 0x11, 0xE7, 0x12]  // in ax, 0x11; out 0x12, ax
                + [0x66, 0xE5, 0x11, 0x66, 0xE7, 0x12]  // in eax, 0x11; out 0x12, eax
                + Code.hlt)
        for (width, answer) in [(1, 0x99), (2, 0x99AA), (4, 0x99AA_BBCC)] as [(UInt8, UInt32)] {
            guard case .portRead(let read) = try guest.run() else { Issue.record("no port read"); return }
            #expect(read.port == 0x11 && read.width == width && read.count == 1)
            read.answer(answer)
            guard case .portWrite(let write) = try guest.run() else { Issue.record("no port write"); return }
            #expect(write.port == 0x12 && write.width == width && write.value == answer)
        }
        try guest.expectHalt()
    }

    @Test("A port read that nobody answers gives the guest all ones")
    func unanswered() throws {
        let guest = try MicroGuest([0x66, 0xE5, 0x11, 0x66, 0xE7, 0x12] + Code.hlt)
        guard case .portRead = try guest.run() else { Issue.record("no port read"); return }
        try guest.expectPortWrite(0x12, 0xFFFF_FFFF)
    }

    @Test("A string write brings several accesses at once, or one after the other, but all of them")
    func stringWrite() throws {
        // mov si, 0x2000; mov dx, 0x3f8; mov cx, 6; rep outsb; hlt
        let guest = try MicroGuest(
            [0xBE, 0x00, 0x20, 0xBA, 0xF8, 0x03, 0xB9, 0x06, 0x00, 0xF3, 0x6E] + Code.hlt)
        guest.load([1, 2, 3, 4, 5, 6], at: 0x2000)
        var seen: [UInt8] = []
        while seen.count < 6, case .portWrite(let write) = try guest.run() {
            #expect(write.port == 0x3F8 && write.width == 1 && write.count == write.bytes.count)
            seen += Array(write.bytes)
        }
        #expect(seen == [1, 2, 3, 4, 5, 6])
        try guest.expectHalt()
    }

    @Test("A string read takes its answers in order")
    func stringRead() throws {
        // mov di, 0x2000; mov dx, 0x3f8; mov cx, 6; rep insb; hlt
        let guest = try MicroGuest(
            [0xBF, 0x00, 0x20, 0xBA, 0xF8, 0x03, 0xB9, 0x06, 0x00, 0xF3, 0x6C] + Code.hlt)
        var next: UInt8 = 1
        var exit = try guest.run()
        while case .portRead(let read) = exit {
            for index in read.bytes.indices {
                read.bytes[index] = next
                next += 1
            }
            exit = try guest.run()
        }
        guard case .halt = exit else { Issue.record("\(exit) instead of a halt"); return }
        // KVM may read ahead of what the guest asks for, never short of it.
        let got = (0..<6).map { guest.memory.load(fromByteOffset: 0x2000 + $0, as: UInt8.self) }
        #expect(got == [1, 2, 3, 4, 5, 6])
    }

    @Test("MMIO accesses come out and their answers go in")
    func mmio() throws {
        // mov byte [0xF000+..]: memory ends at 0x8000 here, so 0x9000 is a hole
        let guest = try MicroGuest(
            Code.store(0x5A, at: 0x9000)
                + [0xA1, 0x02, 0x90, 0xE7, 0x12]  // mov ax, [0x9002]; out 0x12, ax
                + Code.hlt, byteCount: 0x8000)
        guard case .mmioWrite(let write) = try guest.run() else { Issue.record("no MMIO write"); return }
        #expect(write.address == 0x9000 && write.byteCount == 1 && write.value == 0x5A)
        guard case .mmioRead(let read) = try guest.run() else { Issue.record("no MMIO read"); return }
        #expect(read.address == 0x9002 && read.byteCount == 2)
        read.answer(0xBEEF)
        try guest.expectPortWrite(0x12, 0xBEEF)
        try guest.expectHalt()
    }

    @Test("A write to a read-only slot is an MMIO exit and leaves the memory alone")
    func readOnly() throws {
        let guest = try MicroGuest(Code.store(0x5A, at: 0x9000) + Code.hlt, byteCount: 0x8000)
        let page = try #require(mmap(nil, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))
        defer { munmap(page, 4096) }
        try guest.vm.setMemoryRegion(
            slot: 1, flags: .readOnly, guestAddress: 0x9000, byteCount: 4096, hostAddress: page)
        guard case .mmioWrite(let write) = try guest.run() else { Issue.record("no MMIO write"); return }
        #expect(write.address == 0x9000 && write.value == 0x5A)
        #expect(page.load(as: UInt8.self) == 0)
        try guest.expectHalt()
        try guest.vm.deleteMemoryRegion(slot: 1)
    }

    @Test("A triple fault is a shutdown")
    func tripleFault() throws {
        let guest = try MicroGuest(Code.ud2)
        try guest.enterProtectedMode()
        let exit = try guest.run()
        guard case .shutdown = exit else { Issue.record("\(exit) instead of a shutdown"); return }
    }

    @Test("Code where there is no memory is an internal error with its kind")
    func emulationFailure() throws {
        let guest = try MicroGuest([0xEA, 0x00, 0x90, 0x00, 0x00], byteCount: 0x8000)  // jmp 0:0x9000
        let exit = try guest.run()
        guard case .internalError(let error) = exit else { Issue.record("\(exit) instead of an error"); return }
        #expect(error.kind == .emulation)
    }

    @Test("An access that is unfinished can be finished without running on")
    func completion() throws {
        let guest = try MicroGuest([0xE4, 0x11] + Code.out(0x12, 7) + Code.hlt)
        guard case .portRead(let read) = try guest.run() else { Issue.record("no port read"); return }
        read.answer(0x99)
        let rest = try guest.vcpu.completeExit()
        #expect(rest == nil)
        let registers = try guest.vcpu.registers()
        #expect(registers.rax & 0xFF == 0x99)
        #expect(registers.rip == 0x1002)
        try guest.expectPortWrite(0x12, 7)
        try guest.expectHalt()
    }

    @Test("A kick during completion is kept for the next run")
    func completionKeepsKicks() throws {
        let guest = try MicroGuest([0xE4, 0x11] + Code.hlt)
        guard case .portRead = try guest.run() else { Issue.record("no port read"); return }
        guest.vcpu.kickHandle.kick()
        let rest = try guest.vcpu.completeExit()
        #expect(rest == nil)
        guard case .interrupted = try guest.vcpu.run() else { Issue.record("the kick was lost"); return }
        try guest.expectHalt()
    }

    @Test("Single-stepping stops after each instruction")
    func singleStep() throws {
        let guest = try MicroGuest(Code.nop + Code.nop + Code.hlt)
        try guest.vcpu.setGuestDebug([.enable, .singleStep])
        for address in [0x1001, 0x1002] as [UInt64] {
            guard case .debug(let stop) = try guest.run() else { Issue.record("no debug exit"); return }
            #expect(stop.pc == address && stop.exception == 1)
            #expect(stop.dr6 & (1 << 14) != 0, "the single-step bit")
        }
        try guest.vcpu.setGuestDebug([])
        try guest.expectHalt()
    }
}
