// SPDX-License-Identifier: Apache-2.0
import CKVMIoctlsABI
import KVMIoctls
import Testing
import VMMSysUtil

/// A page filled field by field, at the places that the kernel's headers give, stands in for the kernel.
@Suite("Exits out of a shared area, without /dev/kvm")
struct ExitDecodingTests {
    let vcpu: VCPU

    init() throws {
        let file = try MemFD(name: "run", byteCount: 12_288)
        vcpu = try VCPU(adopting: try file.descriptor.duplicate(), id: 0, runAreaByteCount: 12_288)
    }

    private func put<Value: BitwiseCopyable>(_ field: String, _ value: Value, at index: Int = 0) {
        let offset = ckvm_layout("kvm_run." + field)
        guard offset >= 0 else { Issue.record("no field \(field)"); return }
        vcpu.page.storeBytes(of: value, toByteOffset: offset + index * MemoryLayout<Value>.stride, as: Value.self)
    }

    private func decode(_ reason: String) throws -> Exit {
        let number = ckvm_constant(reason)
        #expect(number >= 0, "\(reason)")
        return try vcpu.decodeExit(reason: UInt32(number))
    }

    private func port(_ direction: UInt8, _ size: UInt8, _ count: UInt32, _ offset: UInt64) {
        put("io.direction", direction)
        put("io.size", size)
        put("io.port", UInt16(0x3F8))
        put("io.count", count)
        put("io.data_offset", offset)
    }

    @Test("A port write has its port, width and bytes")
    func portWrite() throws {
        port(1, 2, 3, 4096)
        for index in 0..<6 { vcpu.page.storeBytes(of: UInt8(index + 1), toByteOffset: 4096 + index, as: UInt8.self) }
        guard case .portWrite(let write) = try decode("KVM_EXIT_IO") else { Issue.record("no port write"); return }
        #expect(write.port == 0x3F8 && write.width == 2 && write.count == 3)
        #expect(Array(write.bytes) == [1, 2, 3, 4, 5, 6])
        #expect(write.value == 0x0201)
    }

    @Test("An unanswered port read gives all ones, an answered one the low bytes", arguments: [1, 2, 4] as [UInt8])
    func portRead(width: UInt8) throws {
        port(0, width, 1, 4096)
        vcpu.page.storeBytes(of: 0, toByteOffset: 4096, as: UInt64.self)
        guard case .portRead(let read) = try decode("KVM_EXIT_IO") else { Issue.record("no port read"); return }
        #expect(read.bytes.allSatisfy { $0 == 0xFF } && read.bytes.count == Int(width))
        read.answer(0x1122_3344)
        let mask = UInt64.max >> (64 - UInt64(width) * 8)
        #expect(vcpu.page.load(fromByteOffset: 4096, as: UInt64.self) == 0x1122_3344 & mask)
    }

    @Test(
        "Port data outside the shared area is refused",
        arguments: [
            (1, 1, 12_288), (4, 2, 12_284), (4, UInt32.max, 4096), (1, 1, UInt64.max), (4, UInt32.max, UInt64.max - 3),
            (0, 1, 4096), (3, 1, 4096), (8, 1, 4096), (255, 1, 4096),
        ] as [(UInt8, UInt32, UInt64)])
    func portBounds(size: UInt8, count: UInt32, offset: UInt64) throws {
        port(1, size, count, offset)
        #expect(throws: KVMError.malformedAnswer("KVM_RUN")) { try decode("KVM_EXIT_IO") }
        port(0, size, count, offset)
        #expect(throws: KVMError.malformedAnswer("KVM_RUN")) { try decode("KVM_EXIT_IO") }
    }

    @Test("Port data up to the last byte is taken, and no data at all reads as zero")
    func portEdge() throws {
        port(1, 4, 1, 12_284)
        guard case .portWrite(let last) = try decode("KVM_EXIT_IO") else { Issue.record("no port write"); return }
        #expect(last.bytes.count == 4)
        port(1, 4, 0, 12_288)
        guard case .portWrite(let none) = try decode("KVM_EXIT_IO") else { Issue.record("no port write"); return }
        #expect(none.bytes.isEmpty && none.value == 0 && none.count == 0)
        port(0, 4, 0, 12_288)
        guard case .portRead(let read) = try decode("KVM_EXIT_IO") else { Issue.record("no port read"); return }
        read.answer(1)
    }

    @Test("An MMIO write's value has only the bytes that were written", arguments: 1...8 as ClosedRange<UInt32>)
    func mmioWrite(byteCount: UInt32) throws {
        put("mmio.phys_addr", UInt64(0xFEB0_0000))
        put("mmio.data", UInt64(0x8877_6655_4433_2211))
        put("mmio.len", byteCount)
        put("mmio.is_write", UInt8(1))
        guard case .mmioWrite(let write) = try decode("KVM_EXIT_MMIO") else { Issue.record("no MMIO write"); return }
        #expect(write.address == 0xFEB0_0000 && write.byteCount == UInt8(byteCount))
        #expect(write.value == 0x8877_6655_4433_2211 & (UInt64.max >> (64 - UInt64(byteCount) * 8)))
    }

    @Test("An unanswered MMIO read gives all ones, an answered one its value")
    func mmioRead() throws {
        put("mmio.data", UInt64(0))
        put("mmio.len", UInt32(4))
        put("mmio.is_write", UInt8(0))
        guard case .mmioRead(let read) = try decode("KVM_EXIT_MMIO") else { Issue.record("no MMIO read"); return }
        #expect(read.bytes.count == 4 && read.bytes.allSatisfy { $0 == 0xFF })
        read.answer(0xAABB_CCDD)
        #expect(vcpu.page.load(fromByteOffset: ckvm_layout("kvm_run.mmio.data"), as: UInt32.self) == 0xAABB_CCDD)
    }

    @Test("An MMIO length that cannot be is refused", arguments: [0, 9, 16, 0x8000_0000, .max] as [UInt32])
    func mmioLength(byteCount: UInt32) {
        put("mmio.len", byteCount)
        for isWrite in [0, 1] as [UInt8] {
            put("mmio.is_write", isWrite)
            #expect(throws: KVMError.malformedAnswer("KVM_RUN")) { try decode("KVM_EXIT_MMIO") }
        }
    }

    @Test("An internal error has its kind, its words and the instruction", arguments: [0, 3, 16, 17, .max] as [UInt32])
    func internalError(words: UInt32) throws {
        put("internal.ndata", words)
        put("hw", UInt32(1))
        put("emulation_failure.flags", UInt64(1))
        put("emulation_failure.insn_size", UInt8(200))
        put("emulation_failure.insn_bytes", UInt8(0xC7))
        guard case .internalError(let error) = try decode("KVM_EXIT_INTERNAL_ERROR") else {
            Issue.record("no error"); return
        }
        #expect(error.kind == .emulation)
        #expect(error.data.count == min(Int(words), 16))
        #expect(error.data[error.data.count] == nil && error.data[-1] == nil)
        if words == 0 {
            #expect(error.instructionBytes == nil && error.data[0] == nil)
        } else {
            #expect(error.data[0] == 1)
            #expect(error.instructionBytes?.count == 15 && error.instructionBytes?.first == 0xC7)
        }
    }

    @Test("A system event has its kind and never more than 16 words")
    func systemEvent() throws {
        put("system_event.type", UInt32(2))
        put("system_event.ndata", UInt32.max)
        put("system_event.data", UInt64(77), at: 15)
        guard case .systemEvent(let event) = try decode("KVM_EXIT_SYSTEM_EVENT") else {
            Issue.record("no event"); return
        }
        #expect(event.kind == .reset && event.data.count == 16 && event.data[15] == 77 && event.data[16] == nil)
        put("system_event.type", UInt32(99))
        guard case .systemEvent(let other) = try decode("KVM_EXIT_SYSTEM_EVENT") else {
            Issue.record("no event"); return
        }
        #expect(other.kind == .other(99))
    }

    @Test("Register exits are answered with a value or a fault")
    func registers() throws {
        put("msr.index", UInt32(0x174))
        put("msr.reason", UInt32(2))
        put("msr.data", UInt64(5))
        guard case .msrRead(let read) = try decode("KVM_EXIT_X86_RDMSR") else { Issue.record("no read"); return }
        #expect(read.index == 0x174 && read.reason == .unknown)
        read.fault()
        #expect(vcpu.page.load(fromByteOffset: ckvm_layout("kvm_run.msr.error"), as: UInt8.self) == 1)
        read.answer(9)
        #expect(vcpu.page.load(fromByteOffset: ckvm_layout("kvm_run.msr.error"), as: UInt8.self) == 0)
        #expect(vcpu.page.load(fromByteOffset: ckvm_layout("kvm_run.msr.data"), as: UInt64.self) == 9)
        guard case .msrWrite(let write) = try decode("KVM_EXIT_X86_WRMSR") else { Issue.record("no write"); return }
        #expect(write.value == 9)
        write.fault()
        #expect(vcpu.page.load(fromByteOffset: ckvm_layout("kvm_run.msr.error"), as: UInt8.self) == 1)
    }

    @Test("A hypercall has six arguments and takes a result")
    func hypercall() throws {
        put("hw", UInt64(12))
        for index in 0..<6 { put("hypercall.args", UInt64(index + 1), at: index) }
        put("hypercall.longmode", UInt32(1))
        guard case .hypercall(let call) = try decode("KVM_EXIT_HYPERCALL") else { Issue.record("no call"); return }
        #expect(call.number == 12 && call.flags & 1 == 1)
        #expect(
            (0..<6).map { call.argument($0) } == [1, 2, 3, 4, 5, 6] && call.argument(6) == nil
                && call.argument(-1) == nil)
        call.answer(42)
        #expect(vcpu.page.load(fromByteOffset: ckvm_layout("kvm_run.hypercall.ret"), as: UInt64.self) == 42)
    }

    @Test("The other payloads come out whole")
    func others() throws {
        put("hw", UInt64(0x1_0000_0007))
        put("fail_entry.cpu", UInt32(3))
        guard case .failedEntry(0x1_0000_0007, 3) = try decode("KVM_EXIT_FAIL_ENTRY") else {
            Issue.record("fail entry"); return
        }
        guard case .unknown(0x1_0000_0007) = try decode("KVM_EXIT_UNKNOWN") else { Issue.record("unknown"); return }
        guard case .exception(7, 1) = try decode("KVM_EXIT_EXCEPTION") else { Issue.record("exception"); return }
        guard case .ioapicEndOfInterrupt(7) = try decode("KVM_EXIT_IOAPIC_EOI") else { Issue.record("eoi"); return }
        put("debug.arch.pc", UInt64(0x1000))
        put("debug.arch.dr6", UInt64(0x4000))
        put("debug.arch.dr7", UInt64(0x400))
        guard case .debug(let stop) = try decode("KVM_EXIT_DEBUG") else { Issue.record("debug"); return }
        #expect(stop.exception == 7 && stop.pc == 0x1000 && stop.dr6 == 0x4000 && stop.dr7 == 0x400)
        put("tpr_access.is_write", UInt32(1))
        guard case .taskPriorityAccess(_, true) = try decode("KVM_EXIT_TPR_ACCESS") else { Issue.record("tpr"); return }
        put("notify.flags", UInt32(1))
        guard case .notify(isContextValid: false) = try decode("KVM_EXIT_NOTIFY") else {
            Issue.record("notify"); return
        }
        put("hw", UInt32(2))
        put("hyperv.u.hcall.params", UInt64(10))
        put("hyperv.u.hcall.params", UInt64(11), at: 1)
        guard case .hyperV(.hypercall(_, 10, 11)) = try decode("KVM_EXIT_HYPERV") else {
            Issue.record("hyperv"); return
        }
        vcpu.answerHyperVCall(5)
        #expect(vcpu.page.load(fromByteOffset: ckvm_layout("kvm_run.hyperv.u.hcall.result"), as: UInt64.self) == 5)
        put("hw", UInt32(3))
        put("hyperv.u.syndbg.pending_page", UInt64(6))
        guard case .hyperV(.syntheticDebugger(_, _, _, _, _, 6)) = try decode("KVM_EXIT_HYPERV") else {
            Issue.record("dbg"); return
        }
    }

    @Test("An exit without a payload is its name, and an unknown number is kept")
    func bare() throws {
        let bare: [(String, String)] = [
            ("KVM_EXIT_HLT", "halt"), ("KVM_EXIT_SHUTDOWN", "shutdown"), ("KVM_EXIT_INTR", "signal"),
            ("KVM_EXIT_IRQ_WINDOW_OPEN", "interruptWindowOpen"), ("KVM_EXIT_SET_TPR", "taskPriorityChanged"),
            ("KVM_EXIT_NMI", "nonMaskableInterrupt"), ("KVM_EXIT_DIRTY_RING_FULL", "dirtyRingFull"),
            ("KVM_EXIT_AP_RESET_HOLD", "applicationProcessorResetHold"), ("KVM_EXIT_X86_BUS_LOCK", "busLock"),
            ("KVM_EXIT_XEN", "xen"),
        ]
        for (name, ours) in bare { #expect("\(try decode(name))" == ours) }
        for number in [13, 38, 40, 1000, .max] as [UInt32] {
            guard case .unsupported(number) = try vcpu.decodeExit(reason: number) else {
                Issue.record("\(number)"); return
            }
        }
    }

    @Test("A memory fault has its range (struct of Linux 6.8, not in the headers of 6.1)")
    func memoryFault() throws {
        put("hw", UInt64(1 << 3))
        vcpu.page.storeBytes(of: 0x20_0000, toByteOffset: 40, as: UInt64.self)
        vcpu.page.storeBytes(of: 4096, toByteOffset: 48, as: UInt64.self)
        guard case .memoryFault(let fault) = try vcpu.decodeExit(reason: 39) else { Issue.record("no fault"); return }
        #expect(fault.address == 0x20_0000 && fault.byteCount == 4096 && fault.isPrivate && fault.error == nil)
    }

    @Test("A descriptor that is no vCPU gives an error that names the request")
    func notAVCPU() {
        #expect(throws: KVMError.ioctl("KVM_RUN", .inappropriateIoctl)) { _ = try vcpu.run() }
        #expect(throws: KVMError.ioctl("KVM_GET_REGS", .inappropriateIoctl)) { _ = try vcpu.registers() }
    }
}
