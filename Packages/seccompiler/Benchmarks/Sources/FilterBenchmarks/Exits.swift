// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import KVMIoctls
internal import VMMSysUtil

/// A guest that writes to a port for ever: each piece of work is an exit and the way back.
final class Exits: Work {
    private let vcpu: VCPU

    init() throws {
        let vm = try System().createVirtualMachine()
        guard let memory = mmap(nil, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
            memory != MAP_FAILED
        else { throw BenchmarkFailure(text: "no memory") }
        // mov al, 1; again: out 0x10, al; jmp again
        memory.copyMemory(from: [0xB0, 0x01, 0xE6, 0x10, 0xEB, 0xFC] as [UInt8], byteCount: 6)
        try vm.setMemoryRegion(slot: 0, guestAddress: 0x1000, byteCount: 4096, hostAddress: memory)
        vcpu = try vm.createVCPU(id: 0)
        var special = try vcpu.specialRegisters()
        special.cs.base = 0
        special.cs.selector = 0
        try vcpu.setSpecialRegisters(special)
        var registers = Registers()
        registers.rip = 0x1000
        registers.rflags = 2
        try vcpu.setRegisters(registers)
    }

    func run(_ count: Int) throws {
        for _ in 0..<count {
            guard case .portWrite = try vcpu.run() else { throw BenchmarkFailure(text: "another exit") }
        }
    }
}
