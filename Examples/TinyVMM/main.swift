// SPDX-License-Identifier: Apache-2.0
// A virtual machine monitor: boots a Linux kernel, shows what it says, and ends with it.
//
//     TinyVMM vmlinuz "earlyprintk=serial,ttyS0,keep panic=-1 reboot=t"
//
// It needs a /dev/kvm that runs stock kernels. The machine has 256 MiB, one processor, the interrupt controllers and the
// timer that are in the kernel, and of a serial port just enough to print. There is no disk: the kernel ends in a panic.
import Glibc
import KVMIoctls
import LinuxLoader
import LinuxLoaderCompression
import VMMSysUtil
import VMMemory

/// A segment over all 4 GiB: what the PVH protocol wants to find in every segment register.
func flat(selector: UInt16, type: UInt8) -> Segment {
    var segment = Segment()
    (segment.selector, segment.limit, segment.type) = (selector, 0xFFFF_FFFF, type)
    (segment.present, segment.s, segment.g, segment.db) = (1, 1, 1, 1)
    return segment
}

/// Puts a processor where the PVH protocol starts: 32-bit protected mode, no paging, RBX = the start information.
func enter(_ plan: BootPlan, on vcpu: VCPU) throws {
    var special = try vcpu.specialRegisters()
    special.cs = flat(selector: 0x10, type: 0xB)  // executable, readable
    let data = flat(selector: 0x18, type: 0x3)  // writable
    (special.ds, special.es, special.ss, special.fs, special.gs) = (data, data, data, data, data)
    special.tr = flat(selector: 0x20, type: 0xB)  // a busy task, without which some processors refuse to enter
    (special.tr.s, special.tr.g, special.tr.db, special.tr.limit) = (0, 0, 0, 0x67)
    (special.cr0, special.cr4, special.efer) = (0x11, 0, 0)  // protected mode, nothing else
    try vcpu.setSpecialRegisters(special)
    var registers = Registers()
    registers.rip = plan.entryPoint.address.rawValue
    registers.rbx = plan.parameters.rawValue
    registers.rflags = 2
    try vcpu.setRegisters(registers)
}

/// Runs the processor until the machine ends, and plays the few devices that it looks for.
func run(_ vcpu: VCPU) throws -> String {
    while true {
        switch try vcpu.run() {
        case .portWrite(let write) where write.port == 0x3F8:  // the serial port's data register
            _ = Glibc.write(STDOUT_FILENO, write.bytes.baseAddress, write.bytes.count)
        case .portRead(let read) where read.port == 0x3FD:  // its line status: always ready to transmit
            read.answer(0x60)
        case .portRead(let read) where read.port == 0x71:  // the clock's registers: not being updated
            read.answer(0)
        case .portWrite(let write) where write.port == 0x64 && write.value == 0xFE:
            return "the guest asked the keyboard controller for a reset"
        case .shutdown:
            return "the guest ended in a triple fault, which is how it resets a machine"
        case .portRead, .portWrite, .mmioRead, .mmioWrite, .interrupted:
            continue  // what nobody answers reads as all ones, as on a bus without the device
        case let other:
            return "cannot go on: \(other)"
        }
    }
}

let arguments = Swift.CommandLine.arguments
guard arguments.count == 3 else {
    print("usage: TinyVMM KERNEL COMMAND-LINE")
    exit(2)
}

// The kernel and its place, decided before a byte is written. The map has the gap below 4 GiB that a PC has.
let kernel = try Kernel(file: FileDescriptor.open(arguments[1]), decompressor: KernelDecompressor())
let map = try MemoryMap.pc(ramByteCount: 256 << 20)
var options = BootOptions()
options.entry = .pvh
var random = SystemRandomNumberGenerator()
let plan = try BootPlan.x86(
    kernel.contents, map: map, commandLine: CommandLine(parsing: arguments[2]), options: options, using: &random)

// The guest's memory, of which the loader knows addresses only.
let memory = try GuestMemory.anonymous(map.ramRanges)
try kernel.load(plan, into: memory)

// The machine: memory slots, then the interrupt controllers, then the processor.
let system = try System()
let machine = try system.createVirtualMachine()
for (slot, region) in memory.regions.enumerated() {
    try machine.setMemoryRegion(
        slot: UInt32(slot), guestAddress: region.range.start.rawValue, byteCount: region.range.byteCount,
        hostAddress: region.hostAddress)
}
try machine.setTSSAddress(0xFFFB_D000)  // three pages that Intel's processors need, outside of RAM
try machine.createInterruptControllers()
try machine.createPIT()

let vcpu = try machine.createVCPU(id: 0)
// With the hypervisor's bit a kernel looks for KVM's clock, and need not measure its own by late ticks.
var cpuid = try system.supportedCPUID()
if let features = cpuid.firstIndex(function: 1) { cpuid.entries[features].ecx |= 1 << 31 }
try vcpu.setCPUID(cpuid)
try enter(plan, on: vcpu)
print("\n" + (try run(vcpu)))
