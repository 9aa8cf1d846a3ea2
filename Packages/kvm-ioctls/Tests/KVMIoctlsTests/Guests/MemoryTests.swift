// SPDX-License-Identifier: Apache-2.0
import Glibc
import KVMIoctls
import Testing
import VMMSysUtil

@Suite("Guest memory: logs, rings, collected writes", needsKVM)
struct MemoryTests {
    @Test("The dirty log has the pages that the guest wrote, and is empty when it is taken again")
    func dirtyLog() throws {
        let guest = try MicroGuest(
            Code.store(1, at: 0x3000) + Code.store(1, at: 0x5000) + Code.hlt, flags: .logDirtyPages)
        try guest.expectHalt()
        #expect(guest.vm.dirtyLogWordCount(slot: 0) == 1)
        // A superset: a KVM without its own page tables for real mode may also show pages that code only ran on.
        let words = try guest.vm.dirtyLog(slot: 0)
        #expect(words.count == 1 && words[0] & 0b101000 == 0b101000)
        #expect(try guest.vm.dirtyLog(slot: 0) == [0])
    }

    @Test("A log needs its room, its flag and its slot")
    func dirtyLogErrors() throws {
        let guest = try MicroGuest(Code.hlt, byteCount: 65 * 4096)
        #expect(guest.vm.dirtyLogWordCount(slot: 0) == 2)
        #expect(guest.vm.dirtyLogWordCount(slot: 1) == nil)
        #expect(throws: KVMError.ioctl("KVM_GET_DIRTY_LOG", .noSuchFile)) { _ = try guest.vm.dirtyLog(slot: 0) }
        #expect(throws: KVMError.invalidArgument("KVM_GET_DIRTY_LOG", reason: "no such memory slot")) {
            _ = try guest.vm.dirtyLog(slot: 1)
        }
        var short: [UInt64] = [0]
        #expect(throws: KVMError.invalidArgument("KVM_GET_DIRTY_LOG", reason: "room for 1 words, 2 needed")) {
            try guest.vm.readDirtyLog(slot: 0, into: &short)
        }
        #expect(throws: KVMError.invalidArgument("KVM_CLEAR_DIRTY_LOG", reason: "1 words for 65 pages")) {
            try guest.vm.clearDirtyLog(slot: 0, firstPage: 0, pageCount: 65, words: [0])
        }
    }

    @Test(
        "A log that is cleared by hand keeps what was not cleared",
        .enabled(if: kvmHas(.manualDirtyLogProtect2), "needs KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2"))
    func clearDirtyLog() throws {
        let guest = try MicroGuest(
            Code.store(1, at: 0x3000) + Code.store(1, at: 0x5000) + Code.hlt, flags: .logDirtyPages
        ) { try $0.enable(.manualDirtyLogProtect2, 1) }
        try guest.expectHalt()
        #expect(try guest.vm.dirtyLog(slot: 0)[0] & 0b101000 == 0b101000)
        try guest.vm.clearDirtyLog(slot: 0, firstPage: 0, pageCount: 16, words: [0b1000])
        #expect(try guest.vm.dirtyLog(slot: 0)[0] & 0b101000 == 0b100000)
    }

    @Test(
        "The dirty ring has the pages that the guest wrote",
        .enabled(if: kvmHas(.dirtyLogRingAcqRel) || kvmHas(.dirtyLogRing), "needs KVM_CAP_DIRTY_LOG_RING"))
    func dirtyRing() throws {
        let capability: Capability = kvmHas(.dirtyLogRingAcqRel) ? .dirtyLogRingAcqRel : .dirtyLogRing
        let byteCount = 65_536
        let guest = try MicroGuest(
            Code.store(1, at: 0x3000) + Code.store(1, at: 0x5000) + Code.hlt, flags: .logDirtyPages
        ) { try $0.enable(capability, UInt64(byteCount)) }
        let ring = try DirtyRing(of: guest.vcpu, byteCount: byteCount)
        for _ in 0..<3 {
            try guest.expectHalt()
            var pages: Set<UInt64> = []
            let count = ring.harvest { page in
                #expect(page.slot == 0)
                pages.insert(page.number)
            }
            #expect(pages.isSuperset(of: [3, 5]) && count >= 2)
            #expect(try guest.vm.resetDirtyRings() == count)
            #expect(ring.harvest { _ in } == 0)
            try guest.restart()
        }
    }

    @Test("Collected writes cause no exit, come out in order, and end with the zone")
    func coalescedMMIO() throws {
        let guest = try MicroGuest(
            Code.store(1, at: 0x9000) + [0xC7, 0x06, 0x02, 0x90, 0x34, 0x12] + Code.hlt, byteCount: 0x8000)
        let ring = try guest.vm.coalescedRing(through: guest.vcpu)
        #expect(try ring.next() == nil)
        try guest.vm.addCoalescedZone(address: 0x9000, byteCount: 16)
        try guest.expectHalt()
        #expect(try ring.next() == CoalescedRing.Write(address: 0x9000, isPort: false, byteCount: 1, value: 1))
        #expect(try ring.next() == CoalescedRing.Write(address: 0x9002, isPort: false, byteCount: 2, value: 0x1234))
        #expect(try ring.next() == nil)
        try guest.vm.removeCoalescedZone(address: 0x9000, byteCount: 16)
        try guest.restart()
        guard case .mmioWrite = try guest.run() else { Issue.record("still collected"); return }
    }

    @Test(
        "Collected port writes are marked as such", .enabled(if: kvmHas(.coalescedPIO), "needs KVM_CAP_COALESCED_PIO"))
    func coalescedPort() throws {
        let guest = try MicroGuest(Code.out(0x80, 0x42) + Code.hlt)
        let ring = try guest.vm.coalescedRing(through: guest.vcpu)
        try guest.vm.addCoalescedZone(address: 0x80, byteCount: 1, isPort: true)
        try guest.expectHalt()
        #expect(try ring.next() == CoalescedRing.Write(address: 0x80, isPort: true, byteCount: 1, value: 0x42))
        try guest.vm.removeCoalescedZone(address: 0x80, byteCount: 1, isPort: true)
        try guest.restart()
        try guest.expectPortWrite(0x80, 0x42)
    }

    @Test("A ring that is full makes exits of further writes, and goes round when drained")
    func coalescedFull() throws {
        // mov cx, 400; again: mov [0x9000], cl; loop again; hlt
        let guest = try MicroGuest(
            [0xB9, 0x90, 0x01, 0x88, 0x0E, 0x00, 0x90, 0xE2, 0xFA] + Code.hlt, byteCount: 0x8000)
        let ring = try guest.vm.coalescedRing(through: guest.vcpu)
        try guest.vm.addCoalescedZone(address: 0x9000, byteCount: 16)
        var values: [UInt64] = []
        var exit = try guest.run()
        func drain() throws { while let write = try ring.next() { values.append(write.value) } }
        while case .mmioWrite(let write) = exit {
            let value = write.value
            try drain()
            values.append(value)
            exit = try guest.run()
        }
        try drain()
        #expect(values == (1...400).reversed().map { UInt64($0 & 0xFF) })
    }

    @Test(
        "Guest memory in a file of its own is a slot's",
        .enabled(if: kvmHas(.guestMemFDFlags), "needs a guest_memfd that can be mapped (Linux 6.18)"))
    func guestMemoryFile() throws {
        let guest = try MicroGuest(Code.store(0x77, at: 0x9000) + Code.hlt, byteCount: 0x8000)
        let file = try guest.vm.createGuestMemoryFile(byteCount: 4096, flags: 3)
        let page = try #require(mmap(nil, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file.rawValue, 0))
        #expect(page != MAP_FAILED)
        defer { munmap(page, 4096) }
        try guest.vm.setMemoryRegion(
            slot: 1, guestAddress: 0x9000, byteCount: 4096, hostAddress: page, file: file, fileOffset: 0)
        try guest.expectHalt()
        #expect(page.load(as: UInt8.self) == 0x77)
    }

    @Test("What this kernel lacks is an error that names the request")
    func newerRequests() throws {
        let guest = try MicroGuest(Code.hlt)
        if !kvmHas(.memoryAttributes) {
            #expect(throws: KVMError.self) {
                try guest.vm.setMemoryAttributes(address: 0, byteCount: 4096, attributes: 8)
            }
        }
        if kvmHas(.preFaultMemory) {
            _ = try? guest.vcpu.preFaultMemory(address: 0, byteCount: 4096)
        } else {
            #expect(throws: KVMError.self) { try guest.vcpu.preFaultMemory(address: 0, byteCount: 4096) }
        }
        if !kvmHas(.guestMemFD) {
            #expect(throws: KVMError.ioctl("KVM_CREATE_GUEST_MEMFD", .inappropriateIoctl)) {
                _ = try guest.vm.createGuestMemoryFile(byteCount: 4096)
            }
        }
    }
}
