// SPDX-License-Identifier: Apache-2.0
import Glibc
import KVMIoctls
import Testing
import VMMSysUtil

/// Whether this machine has a KVM that may be used.
let kvmIsAvailable = (try? System()) != nil

/// For suites that run guests.
let needsKVM: ConditionTrait = .enabled(if: kvmIsAvailable, "needs /dev/kvm")

/// Whether this KVM has a capability.
func kvmHas(_ capability: Capability) -> Bool { (try? System().has(capability)) ?? false }

/// A guest of a few instructions in real mode: memory from 0, code at 0x1000, stack below 0x8000.
final class MicroGuest: @unchecked Sendable {
    enum Controllers { case none, full, split }

    static let entry: UInt64 = 0x1000
    let system: System
    let vm: VirtualMachine
    let vcpu: VCPU
    let memory: UnsafeMutableRawPointer
    let byteCount: Int

    init(
        _ code: [UInt8], byteCount: Int = 0x1_0000, controllers: Controllers = .none,
        flags: VirtualMachine.MemoryFlags = [], prepare: (VirtualMachine) throws -> Void = { _ in }
    ) throws {
        let mapped = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        memory = try #require(mapped)
        self.byteCount = byteCount
        system = try System()
        vm = try system.createVirtualMachine()
        try prepare(vm)
        switch controllers {
        case .none: break
        case .full: try vm.createInterruptControllers()
        case .split: try vm.createSplitInterruptController()
        }
        try vm.setMemoryRegion(
            slot: 0, flags: flags, guestAddress: 0, byteCount: UInt64(byteCount), hostAddress: memory)
        vcpu = try vm.createVCPU(id: 0)
        load(code, at: MicroGuest.entry)
        var special = try vcpu.specialRegisters()
        special.cs.base = 0
        special.cs.selector = 0
        try vcpu.setSpecialRegisters(special)
        try restart()
    }

    deinit { munmap(memory, byteCount) }

    /// Puts the guest back to its first instruction.
    func restart(at address: UInt64 = MicroGuest.entry) throws {
        var registers = Registers()
        registers.rip = address
        registers.rsp = 0x8000
        registers.rflags = 2
        try vcpu.setRegisters(registers)
    }

    /// Makes the guest run 32-bit protected code: flat segments, no paging, no interrupt table.
    func enterProtectedMode() throws {
        var special = try vcpu.specialRegisters()
        var segment = Segment()
        (segment.limit, segment.present, segment.s, segment.db, segment.g) = (0xFFFF_FFFF, 1, 1, 1, 1)
        (segment.selector, segment.type) = (0x10, 3)
        (special.ds, special.es, special.fs, special.gs, special.ss) = (segment, segment, segment, segment, segment)
        (segment.selector, segment.type) = (0x08, 11)
        special.cs = segment
        special.cr0 |= 1
        special.idt = DescriptorTable()
        try vcpu.setSpecialRegisters(special)
    }

    func load(_ bytes: [UInt8], at address: UInt64) {
        memory.advanced(by: Int(address)).copyMemory(from: bytes, byteCount: bytes.count)
    }

    /// Points a real-mode interrupt vector at an address.
    func setVector(_ vector: UInt8, to address: UInt16) {
        memory.storeBytes(of: UInt32(address), toByteOffset: Int(vector) * 4, as: UInt32.self)
    }

    /// Runs on, over spurious interruptions, to the next exit.
    func run() throws -> Exit {
        for _ in 0..<1000 {
            let exit = try vcpu.run()
            if case .interrupted = exit { continue }
            return exit
        }
        return .interrupted
    }

    /// Runs to the next exit, which must be a one-access port write.
    func expectPortWrite(_ port: UInt16, _ value: UInt32, location: SourceLocation = #_sourceLocation) throws {
        let exit = try run()
        guard case .portWrite(let write) = exit else {
            Issue.record("\(exit) instead of a port write", sourceLocation: location)
            return
        }
        #expect(write.port == port && write.value == value && write.count == 1, sourceLocation: location)
    }

    /// Runs to the next exit, which must be a halt.
    func expectHalt(location: SourceLocation = #_sourceLocation) throws {
        let exit = try run()
        guard case .halt = exit else {
            Issue.record("\(exit) instead of a halt", sourceLocation: location)
            return
        }
    }
}

/// Instructions, 16-bit.
enum Code {
    static let hlt: [UInt8] = [0xF4]
    static let cli: [UInt8] = [0xFA]
    static let sti: [UInt8] = [0xFB]
    static let nop: [UInt8] = [0x90]
    static let iret: [UInt8] = [0xCF]
    static let ud2: [UInt8] = [0x0F, 0x0B]
    /// Jumps to itself.
    static let spin: [UInt8] = [0xEB, 0xFE]
    /// `mov al, value; out port, al`
    static func out(_ port: UInt8, _ value: UInt8) -> [UInt8] { [0xB0, value, 0xE6, port] }
    /// `mov [address], value`, one byte
    static func store(_ value: UInt8, at address: UInt16) -> [UInt8] {
        [0xC6, 0x06, UInt8(truncatingIfNeeded: address), UInt8(address >> 8), value]
    }
    /// `mov ecx, index; rdmsr`
    static func rdmsr(_ index: UInt32) -> [UInt8] { [0x66, 0xB9] + little(index) + [0x0F, 0x32] }
    /// `mov ecx, index; mov eax, value; xor edx, edx; wrmsr`
    static func wrmsr(_ index: UInt32, _ value: UInt32) -> [UInt8] {
        [0x66, 0xB9] + little(index) + [0x66, 0xB8] + little(value) + [0x66, 0x31, 0xD2, 0x0F, 0x30]
    }
    static func little(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) } }
}
