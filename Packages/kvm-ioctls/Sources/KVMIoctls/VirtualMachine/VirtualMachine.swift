// SPDX-License-Identifier: Apache-2.0
internal import Synchronization
public import VMMSysUtil

/// A virtual machine: guest memory slots, interrupt controllers, and the place where vCPUs and devices come from.
///
/// Every request may be made from any thread; the kernel orders them.
public final class VirtualMachine: Sendable {
    /// The virtual machine's descriptor.
    public let descriptor: FileDescriptor
    let runAreaByteCount: Int
    /// Bytes of each memory slot made through this object. The kernel writes a slot's dirty log by the size that it
    /// knows, so the room for it must be checked against what the slot has at that moment.
    let slots = Mutex<[UInt32: UInt64]>([:])

    /// Takes over a virtual machine's descriptor, such as one received from another process.
    /// - Parameters:
    ///   - descriptor: what `KVM_CREATE_VM` gave; closed with this object.
    ///   - runAreaByteCount: `System.runAreaByteCount()`.
    public init(adopting descriptor: consuming FileDescriptor, runAreaByteCount: Int) {
        self.descriptor = descriptor
        self.runAreaByteCount = runAreaByteCount
    }

    /// What the kernel says about a capability for this virtual machine, which may differ from the system's answer.
    public func check(_ capability: Capability) throws(KVMError) -> Int {
        Int(try Ioctl.checkExtension.call(descriptor, UInt(capability.rawValue)))
    }

    /// Whether this virtual machine has a capability.
    public func has(_ capability: Capability) throws(KVMError) -> Bool { try check(capability) != 0 }

    /// Turns on a capability that is off unless asked for.
    public func enable(
        _ capability: Capability, flags: UInt32 = 0, _ first: UInt64 = 0, _ second: UInt64 = 0,
        _ third: UInt64 = 0, _ fourth: UInt64 = 0
    ) throws(KVMError) {
        let request = EnableCapability(capability, flags: flags, first, second, third, fourth)
        try Ioctl.enableCapability.write(request, to: descriptor)
    }

    /// Makes a vCPU.
    /// - Parameter id: below `System.maximumVCPUID()` and not in use; on x86 the local APIC's id.
    public func createVCPU(id: UInt32) throws(KVMError) -> VCPU {
        let number = try Ioctl.createVCPU.call(descriptor, UInt(id))
        return try VCPU(adopting: FileDescriptor(owning: number), id: id, runAreaByteCount: runAreaByteCount)
    }
}

/// `struct kvm_enable_cap`.
package struct EnableCapability: KVMStructure {
    package var capability: UInt32 = 0
    package var flags: UInt32 = 0
    package var arguments: [4 of UInt64] = .init(repeating: 0)
    package var padding: [64 of UInt8] = .init(repeating: 0)

    package init() {}

    init(
        _ capability: Capability, flags: UInt32, _ first: UInt64, _ second: UInt64, _ third: UInt64, _ fourth: UInt64
    ) {
        self.capability = capability.rawValue
        self.flags = flags
        arguments = [first, second, third, fourth]
    }
}

extension Ioctl {
    /// `KVM_CREATE_VCPU`.
    public static let createVCPU = Ioctl("KVM_CREATE_VCPU", 0x41)
    /// `KVM_ENABLE_CAP`, of virtual machines and vCPUs.
    public static let enableCapability = Ioctl("KVM_ENABLE_CAP", .write, 0xA3, EnableCapability.self)

    /// The requests of this file.
    static let virtualMachine: [Ioctl] = [createVCPU, enableCapability]
}
