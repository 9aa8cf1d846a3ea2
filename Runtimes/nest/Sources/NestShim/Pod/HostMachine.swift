// SPDX-License-Identifier: Apache-2.0
internal import NestHypervisor
internal import NestModel
internal import NestResources
internal import VMMSysUtil

/// A pod's VM on this host.
final class HostMachine: PodMachine {
    let processID: UInt32
    let size: VMSize
    private let machine: VirtualMachine
    private let parts: HostParts

    init(_ parts: HostParts, size: VMSize) throws(PodError) {
        guard let machine = parts.machine else { throw PodError(.boot, "the virtual machine is not there") }
        self.parts = parts
        self.machine = machine
        self.size = size
        processID = UInt32(clamping: machine.processID)
    }

    var hasUnifiedCgroups: Bool { HostCgroup.isV2 }

    func connect(port: UInt32, timeout: Duration) throws(PodError) -> GuestConnection {
        do throws(HypervisorError) {
            let stream = try machine.connect(port: port, timeout: timeout)
            let hostPort = stream.hostPort
            return GuestConnection(descriptor: try Self.taken(stream, port: port), hostPort: hostPort)
        } catch { throw PodError(.agent, error.description) }
    }

    private static func taken(
        _ stream: consuming StreamConnection, port: UInt32
    ) throws(HypervisorError) -> FileDescriptor {
        // The stream's type is another module's: its descriptor cannot be moved out of it, only copied.
        do throws(Errno) { return try stream.descriptor.duplicate() } catch {
            throw .connection(port: port, error)
        }
    }

    func waitForGuest(timeout: Duration) { machine.waitForGuest(timeout: timeout) }

    func waitForEnd() -> PodEnd {
        switch machine.wait() {
        case .exited(let status): return .exited(status)
        case .signalled(let signal): return parts.wasKilledForMemory ? .outOfMemory : .signalled(signal)
        }
    }

    func kill() { machine.kill() }

    func release() { parts.release() }
}
