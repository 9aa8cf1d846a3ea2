// SPDX-License-Identifier: Apache-2.0
// A whole virtual machine: one page of memory, three instructions, three exits.
import Glibc
import KVMIoctls

let system = try System()
let machine = try system.createVirtualMachine()
guard let page = mmap(nil, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), page != MAP_FAILED
else { exit(1) }
page.copyMemory(from: [0xE4, 0x10, 0xE6, 0x11, 0xF4] as [UInt8], byteCount: 5)  // in al, 0x10; out 0x11, al; hlt
try machine.setMemoryRegion(slot: 0, guestAddress: 0x1000, byteCount: 4096, hostAddress: page)

let vcpu = try machine.createVCPU(id: 0)
var special = try vcpu.specialRegisters()
(special.cs.base, special.cs.selector) = (0, 0)
try vcpu.setSpecialRegisters(special)
var registers = Registers()
(registers.rip, registers.rflags) = (0x1000, 2)
try vcpu.setRegisters(registers)

run: while true {
    switch try vcpu.run() {
    case .portRead(let read): read.answer(42)
    case .portWrite(let write): print("the guest wrote \(write.value) to port \(write.port)")
    case .interrupted: continue
    case .halt: break run
    case let other:
        print("unexpected: \(other)")
        break run
    }
}
