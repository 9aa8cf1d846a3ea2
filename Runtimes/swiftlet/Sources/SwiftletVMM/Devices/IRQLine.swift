// SPDX-License-Identifier: Apache-2.0
internal import KVMIoctls
internal import VMMSysUtil
internal import VMSuperIO
internal import VirtioDevices

/// An interrupt line of the IOAPIC that KVM raises when we write to its eventfd: for the serial port as for virtio devices.
struct IRQLine: InterruptLine {
    let trigger: EventFDTrigger

    init(_ gsi: UInt32, vm: VirtualMachine) throws(MachineError) {
        let event: EventFD
        do { event = try EventFD() } catch { throw .host("make an interrupt", error) }
        do { try vm.registerInterrupt(event.descriptor, gsi: gsi) } catch { throw .kvm(error) }
        trigger = EventFDTrigger(event)
    }

    func raise() { trigger.trigger() }
}
