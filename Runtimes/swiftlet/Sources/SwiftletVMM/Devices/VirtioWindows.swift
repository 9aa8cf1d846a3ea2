// SPDX-License-Identifier: Apache-2.0
internal import EventManager
internal import KVMIoctls
internal import VMMSysUtil
internal import VMMemory
internal import VirtioDevices
internal import VirtioModel

/// The virtio devices of a machine, each at a window of its own with an interrupt line and a doorbell for each queue.
final class VirtioWindows {
    private(set) var transports: [MMIOTransport] = []
    /// What the firmware tables say of them.
    private(set) var windows: [FirmwareTables.VirtioWindow] = []
    private var doorbells: [Doorbell] = []
    private let vm: VirtualMachine
    private let memory: GuestMemory
    private let loop: EventLoop
    private let events: DeviceEvents
    private let executor: DeviceMailbox
    private let offersPackedRings: Bool

    init(vm: VirtualMachine, memory: GuestMemory, loop: EventLoop, offersPackedRings: Bool) {
        self.vm = vm
        self.memory = memory
        self.loop = loop
        events = DeviceEvents(loop)
        executor = DeviceMailbox(loop.mailbox)
        self.offersPackedRings = offersPackedRings
    }

    /// Puts a device at the next free window.
    /// - Parameter notice: told when and why it serves no more.
    func attach(_ device: NamedDevice, notice: @escaping @Sendable (String) -> Void) throws(MachineError) {
        let index = transports.count
        guard index < Layout.maximumVirtioDevices else { throw .tooManyDevices(index + 1) }
        let address = Layout.virtioBase + UInt64(index) * Layout.virtioStride
        let interrupt = Layout.firstVirtioInterrupt + UInt32(index)
        let notices = FaultNotices(of: device.name, notice: notice)
        let transport = MMIOTransport(
            device: device.device, memory: memory, executor: executor, events: events,
            trigger: try IRQLine(interrupt, vm: vm).trigger, offersPackedRings: offersPackedRings,
            onFault: notices.tell)
        for queue in 0..<transport.queueCount {
            doorbells.append(try Doorbell(of: transport, queue: UInt16(queue), at: address, vm: vm, loop: loop))
        }
        transports.append(transport)
        windows.append(.init(address: address, interrupt: interrupt))
    }

    /// Serves once more what the guest left in the queues. For the end of the machine, with the loop and all vCPUs ended.
    func serveAll() {
        executor.takeOver()
        for transport in transports {
            for queue in 0..<transport.queueCount { transport.serveQueue(UInt16(queue)) }
        }
    }

    /// Takes the guest's memory away from all devices.
    func shutDown() {
        for transport in transports { transport.shutDown() }
    }
}

/// The eventfd that KVM signals when the guest rings for a queue, so that the vCPU goes on at once.
private final class Doorbell: EventHandler {
    private let event: EventFD
    private let transport: MMIOTransport
    private let queue: UInt16

    init(
        of transport: MMIOTransport, queue: UInt16, at address: UInt64, vm: VirtualMachine, loop: EventLoop
    ) throws(MachineError) {
        self.transport = transport
        self.queue = queue
        do { event = try EventFD() } catch { throw .host("make the doorbell of a queue", error) }
        do {
            try vm.registerIOEvent(
                event.descriptor, at: .mmio(address + MMIOTransport.notifyOffset), matching: .long(UInt32(queue)))
        } catch {
            throw .kvm(error)
        }
        do { try loop.add(event.descriptor, for: .readable, handler: self) } catch {
            throw .device("\(error)")
        }
    }

    func handle(_ events: EventManager.EventSet, of token: EventToken, in loop: EventLoop) {
        _ = try? event.read()
        transport.serveQueue(queue)
    }
}
