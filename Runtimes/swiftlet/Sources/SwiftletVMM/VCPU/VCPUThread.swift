// SPDX-License-Identifier: Apache-2.0
internal import KVMIoctls
internal import VMMSysUtil

/// One vCPU on a thread of its own: enters the guest, serves its exits, until the machine ends.
final class VCPUThread: Sendable {
    private let vcpu: VCPU
    private let bus: Bus
    private let stop: StopSignal

    init(vcpu: VCPU, bus: Bus, stop: StopSignal) {
        self.vcpu = vcpu
        self.bus = bus
        self.stop = stop
    }

    /// Well below 2 MiB: a stack of the usual 8 MiB is given a whole huge page on hosts that use them by themselves.
    private static let stackByteCount = 512 << 10

    /// Starts the thread.
    /// - Parameters:
    ///   - sandbox: which the thread puts itself into, if any.
    ///   - gate: what it then waits at before it enters the guest.
    ///   - ended: called on the thread when it is done with the guest.
    func start(
        in sandbox: Sandbox?, behind gate: FilterGate, ended: @escaping @Sendable () -> Void
    ) throws(MachineError) -> Thread {
        let name = "vcpu\(vcpu.id)"
        do throws(Errno) {
            return try Thread(name: name, stackByteCount: Self.stackByteCount) {
                let mayEnter = gate.pass { () throws(SandboxError) in try sandbox?.confine(.vcpu, as: name) }
                if mayEnter { self.run() }
                ended()
            }
        } catch {
            throw .host("start the thread of CPU \(vcpu.id)", error)
        }
    }

    /// Makes the thread leave the guest and look whether the machine is to end. From any thread.
    func kick() { vcpu.kickHandle.kick() }

    private func run() {
        while true {
            do throws(KVMError) {
                if !serve(try vcpu.run()) { return }
            } catch {
                stop.stop(.failed(.kvm(error)))
                return
            }
        }
    }

    /// - Returns: false when this vCPU must not enter the guest again.
    @inline(__always)
    private func serve(_ exit: Exit) -> Bool {
        switch exit {
        case .portWrite(let access): return bus.write(access)
        case .portRead(let access): bus.read(access)
        case .mmioWrite(let access): bus.write(access)
        case .mmioRead(let access): bus.read(access)
        case .interrupted, .signal: return stop.cause == nil
        default: return serveRare(exit)
        }
        return true
    }

    private func serveRare(_ exit: Exit) -> Bool {
        switch exit {
        case .shutdown: stop.stop(.tripleFaulted)
        case .internalError(let error) where error.kind == .emulation:
            // Only a KVM without hardware behind it interprets a kernel's instructions, and it does not know all.
            let bytes = error.instructionBytes.map { $0.map { hexadecimal($0) }.joined(separator: " ") } ?? "unknown"
            fail(
                "this machine's KVM cannot run this kernel (it cannot emulate the instruction \(bytes)); Tests/Lab/lab can"
            )
        case .internalError(let error): fail("KVM gave up: \(error.kind)")
        case .failedEntry(let reason, _):
            fail("the processor refused the guest's state, reason 0x\(String(reason, radix: 16))")
        case .unknown(let reason): fail("unknown hardware exit 0x\(String(reason, radix: 16))")
        case .unsupported(let reason): fail("unknown exit \(reason)")
        case .systemEvent(let event): fail("unexpected system event \(event.kind)")
        case .memoryFault(let fault): fail("no memory behind guest address 0x\(String(fault.address, radix: 16))")
        case .msrRead(let access): access.fault(); return true
        case .msrWrite(let access): access.fault(); return true
        case .ioapicEndOfInterrupt, .interruptWindowOpen: return true
        default: fail("unexpected exit")
        }
        return false
    }

    private func fail(_ text: String) { stop.stop(.failed(.vcpu(id: vcpu.id, text))) }
}

/// Two digits.
func hexadecimal(_ byte: UInt8) -> String {
    let text = String(byte, radix: 16)
    return text.utf8.count == 1 ? "0\(text)" : text
}
