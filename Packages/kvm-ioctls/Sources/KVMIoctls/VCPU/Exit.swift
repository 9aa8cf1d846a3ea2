// SPDX-License-Identifier: Apache-2.0

/// Why a vCPU stopped running guest code. Making and reading one allocates nothing.
///
/// Payloads that hold data point into the area shared with the kernel: use them before the next `run()` of the
/// same vCPU and do not keep them.
public enum Exit {
    /// The guest wrote to an I/O port.
    case portWrite(PortWrite)
    /// The guest reads an I/O port and waits for the answer.
    case portRead(PortRead)
    /// The guest wrote to an address without memory.
    case mmioWrite(MMIOWrite)
    /// The guest reads an address without memory and waits for the answer.
    case mmioRead(MMIORead)
    /// A kick or another signal came; nothing else happened. It may also come without a kick.
    case interrupted
    /// The guest halted, and no in-kernel interrupt controller waits for it.
    case halt
    /// The guest can't go on: on x86 a triple fault.
    case shutdown
    /// The guest asked for power-off, reset or the like.
    case systemEvent(SystemEvent)
    /// KVM could not go on.
    case internalError(InternalError)
    /// The hardware refused to enter the guest.
    case failedEntry(hardwareReason: UInt64, cpu: UInt32)
    /// The hardware stopped for a reason that KVM does not know.
    case unknown(hardwareReason: UInt64)
    /// A guest exception that KVM does not handle.
    case exception(vector: UInt32, errorCode: UInt32)
    /// The guest made a hypercall that user space is to answer.
    case hypercall(Hypercall)
    /// A breakpoint or single step that `setGuestDebug` asked for.
    case debug(DebugStop)
    /// The guest can take an interrupt now, as `requestsInterruptWindow` asked.
    case interruptWindowOpen
    /// A signal came; reported by old kernels.
    case signal
    /// The guest changed its task priority (CR8).
    case taskPriorityChanged
    /// The guest touched the local APIC's task priority register, as `reportTaskPriorityAccess` asked.
    case taskPriorityAccess(instructionPointer: UInt64, isWrite: Bool)
    /// A non-maskable interrupt came.
    case nonMaskableInterrupt
    /// The guest acknowledged an interrupt of a split controller.
    case ioapicEndOfInterrupt(vector: UInt8)
    /// The guest touched a Hyper-V interface.
    case hyperV(HyperVExit)
    /// The guest made a Xen hypercall.
    case xen
    /// The guest reads a model-specific register that user space is to answer.
    case msrRead(MSRRead)
    /// The guest writes a model-specific register that user space is to judge.
    case msrWrite(MSRWrite)
    /// The dirty ring is full: harvest it, then reset it.
    case dirtyRingFull
    /// The guest waits for its start-up message (SEV-ES).
    case applicationProcessorResetHold
    /// The guest locked the bus.
    case busLock
    /// The guest took no event for the time that `KVM_CAP_X86_NOTIFY_VMEXIT` set.
    case notify(isContextValid: Bool)
    /// The guest touched memory that KVM cannot give it.
    case memoryFault(MemoryFault)
    /// A reason that this version does not know.
    case unsupported(UInt32)

    static var memoryFaultReason: UInt32 { 39 }
}

extension VCPU {
    /// Reads the reason and its payload out of the shared area. Every length there is checked before it is used.
    @inline(__always)
    package func decodeExit(reason: UInt32) throws(KVMError) -> Exit {
        switch reason {
        case 2: try decodePort()
        case 6: try decodeMMIO()
        case 5: .halt
        default: try decodeRareExit(reason: reason)
        }
    }

    @inline(__always)
    private func payload<Field: BitwiseCopyable>(_ offset: Int, _ type: Field.Type = Field.self) -> Field {
        page.load(fromByteOffset: RunArea.Offset.payload + offset, as: type)
    }

    @inline(__always)
    private func decodePort() throws(KVMError) -> Exit {
        let width = payload(1, UInt8.self)
        let count = payload(4, UInt32.self)
        let offset = payload(8, UInt64.self)
        guard width == 1 || width == 2 || width == 4 else { throw .malformedAnswer(Ioctl.run.name) }
        // At most 4 x 2^32, then compared with what is left behind the offset: no sum that could wrap.
        let byteCount = UInt64(count) &* UInt64(width)
        let available = UInt64(truncatingIfNeeded: area.byteCount)
        guard offset <= available, byteCount <= available &- offset else { throw .malformedAnswer(Ioctl.run.name) }
        let data = UnsafeMutableRawBufferPointer(
            start: page + Int(truncatingIfNeeded: offset), count: Int(truncatingIfNeeded: byteCount))
        if payload(0, UInt8.self) == 1 {
            return .portWrite(PortWrite(port: payload(2), width: width, bytes: UnsafeRawBufferPointer(data)))
        }
        return .portRead(PortRead(port: payload(2), width: width, bytes: data))
    }

    @inline(__always)
    private func decodeMMIO() throws(KVMError) -> Exit {
        let byteCount = payload(16, UInt32.self)
        guard byteCount >= 1, byteCount <= 8 else { throw .malformedAnswer(Ioctl.run.name) }
        let address = payload(0, UInt64.self)
        let data = page + (RunArea.Offset.payload + 8)
        if payload(20, UInt8.self) != 0 {
            let value = data.load(as: UInt64.self) & MMIOWrite.mask(byteCount)
            return .mmioWrite(
                MMIOWrite(address: address, byteCount: UInt8(truncatingIfNeeded: byteCount), value: value))
        }
        // What nobody answers reads as all ones, as on a bus without the device.
        data.storeBytes(of: UInt64.max, as: UInt64.self)
        return .mmioRead(MMIORead(address: address, byteCount: UInt8(truncatingIfNeeded: byteCount), data: data))
    }

    @inline(never)
    private func decodeRareExit(reason: UInt32) throws(KVMError) -> Exit {
        switch reason {
        case 0: .unknown(hardwareReason: payload(0))
        case 1: .exception(vector: payload(0), errorCode: payload(4))
        case 3: .hypercall(Hypercall(page: page))
        case 4: .debug(DebugStop(exception: payload(0), pc: payload(8), dr6: payload(16), dr7: payload(24)))
        case 7: .interruptWindowOpen
        case 8: .shutdown
        case 9: .failedEntry(hardwareReason: payload(0), cpu: payload(8))
        case 10: .signal
        case 11: .taskPriorityChanged
        case 12: .taskPriorityAccess(instructionPointer: payload(0), isWrite: payload(8, UInt32.self) != 0)
        case 16: .nonMaskableInterrupt
        case 17: .internalError(InternalError(page: page))
        case 24: .systemEvent(SystemEvent(page: page))
        case 26: .ioapicEndOfInterrupt(vector: payload(0))
        case 27: .hyperV(HyperVExit(page: page))
        case 29: .msrRead(MSRRead(page: page))
        case 30: .msrWrite(MSRWrite(page: page))
        case 31: .dirtyRingFull
        case 32: .applicationProcessorResetHold
        case 33: .busLock
        case 34: .xen
        case 37: .notify(isContextValid: payload(0, UInt32.self) & 1 == 0)
        case Exit.memoryFaultReason: .memoryFault(MemoryFault(page: page, error: nil))
        default: .unsupported(reason)
        }
    }
}
