// SPDX-License-Identifier: Apache-2.0
import Glibc
import KVMIoctls
import Testing

@Suite struct SmokeTests {
    @Test func portWriteThenHalt() throws {
        let system = try System()
        let vm = try system.createVirtualMachine()
        let memory = mmap(nil, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)!
        try vm.setMemoryRegion(slot: 0, guestAddress: 0x1000, byteCount: 4096, hostAddress: memory)
        let code: [UInt8] = [0xB0, 0x41, 0xE6, 0x10, 0xE4, 0x11, 0xE6, 0x12, 0xF4]
        memory.copyMemory(from: code, byteCount: code.count)
        let vcpu = try vm.createVCPU(id: 0)
        var special = try vcpu.specialRegisters()
        special.cs.base = 0
        special.cs.selector = 0
        try vcpu.setSpecialRegisters(special)
        var registers = Registers()
        registers.rip = 0x1000
        registers.rflags = 2
        try vcpu.setRegisters(registers)
        guard case .portWrite(let write) = try vcpu.run() else { Issue.record(); return }
        #expect(write.port == 0x10 && write.value == 0x41)
        guard case .portRead(let read) = try vcpu.run() else { Issue.record(); return }
        read.answer(0x99)
        guard case .portWrite(let second) = try vcpu.run() else { Issue.record(); return }
        #expect(second.value == 0x99)
        guard case .halt = try vcpu.run() else { Issue.record(); return }
    }
}
