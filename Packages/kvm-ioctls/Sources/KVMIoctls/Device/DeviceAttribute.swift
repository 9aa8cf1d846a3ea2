// SPDX-License-Identifier: Apache-2.0
internal import VMMSysUtil

/// A named value of a device, a virtual machine, a vCPU or the system, with the type that the kernel reads or writes.
///
/// The kernel takes a bare address and copies as many bytes as the attribute has. The type is therefore a part of the
/// attribute's declaration: one that is declared too small lets the kernel write past it.
public struct DeviceAttribute<Value: BitwiseCopyable & Sendable>: Sendable {
    /// The attribute's group.
    public let group: UInt32
    /// Which one in the group.
    public let attribute: UInt64

    /// Declares an attribute.
    public init(group: UInt32, attribute: UInt64) {
        self.group = group
        self.attribute = attribute
    }
}

extension DeviceAttribute where Value == UInt64 {
    /// A vCPU's offset between its time-stamp counter and the host's (`KVM_VCPU_TSC_OFFSET`, Linux 5.16).
    public static var tscOffset: DeviceAttribute { DeviceAttribute(group: 0, attribute: 0) }
    /// The system's features of extended state that a guest may have (`KVM_X86_XCOMP_GUEST_SUPP`, Linux 5.17).
    public static var extendedStateFeatures: DeviceAttribute { DeviceAttribute(group: 0, attribute: 0) }
}

extension DeviceAttribute where Value == Int32 {
    /// A VFIO group that a `.vfio` device is to take in (`KVM_DEV_VFIO_GROUP_ADD`).
    public static var addVFIOGroup: DeviceAttribute { DeviceAttribute(group: 1, attribute: 1) }
    /// A VFIO group that a `.vfio` device is to let go (`KVM_DEV_VFIO_GROUP_DEL`).
    public static var removeVFIOGroup: DeviceAttribute { DeviceAttribute(group: 1, attribute: 2) }
}

/// `struct kvm_device_attr`.
package struct AttributeRequest: BitwiseCopyable {
    package var flags: UInt32 = 0
    package var group: UInt32
    package var attribute: UInt64
    package var address: UInt64 = 0

    init<Value>(_ attribute: DeviceAttribute<Value>) {
        group = attribute.group
        self.attribute = attribute.attribute
    }

    static func has<Value>(
        _ attribute: DeviceAttribute<Value>, _ descriptor: borrowing FileDescriptor
    ) throws(KVMError) -> Bool {
        do {
            try Ioctl.hasDeviceAttr.write(AttributeRequest(attribute), to: descriptor)
            return true
        } catch .ioctl(_, Errno(rawValue: 6)) {  // ENXIO
            return false
        }
    }

    static func set<Value>(
        _ attribute: DeviceAttribute<Value>, _ value: Value, _ descriptor: borrowing FileDescriptor
    ) throws(KVMError) {
        try withUnsafePointer(to: value) { (pointer) throws(KVMError) -> Void in
            var request = AttributeRequest(attribute)
            request.address = UInt64(UInt(bitPattern: pointer))
            try Ioctl.setDeviceAttr.write(request, to: descriptor)
        }
    }

    static func get<Value>(
        _ attribute: DeviceAttribute<Value>, initial: Value, _ descriptor: borrowing FileDescriptor
    ) throws(KVMError) -> Value {
        var value = initial
        try withUnsafeMutablePointer(to: &value) { (pointer) throws(KVMError) -> Void in
            var request = AttributeRequest(attribute)
            request.address = UInt64(UInt(bitPattern: pointer))
            try Ioctl.getDeviceAttr.write(request, to: descriptor)
        }
        return value
    }
}

extension Device {
    /// Whether the device has the attribute.
    public func has<Value>(_ attribute: DeviceAttribute<Value>) throws(KVMError) -> Bool {
        try AttributeRequest.has(attribute, descriptor)
    }

    /// Sets the attribute.
    public func set<Value>(_ attribute: DeviceAttribute<Value>, to value: Value) throws(KVMError) {
        try AttributeRequest.set(attribute, value, descriptor)
    }

    /// Reads the attribute.
    /// - Parameters:
    ///   - attribute: which; the device's kind says what it knows.
    ///   - initial: what the kernel finds in the buffer; some attributes read it as their argument.
    public func get<Value>(_ attribute: DeviceAttribute<Value>, initial: Value) throws(KVMError) -> Value {
        try AttributeRequest.get(attribute, initial: initial, descriptor)
    }
}

extension VirtualMachine {
    /// Whether the virtual machine has the attribute (`KVM_CAP_VM_ATTRIBUTES`).
    public func has<Value>(_ attribute: DeviceAttribute<Value>) throws(KVMError) -> Bool {
        try AttributeRequest.has(attribute, descriptor)
    }

    /// Sets the attribute (`KVM_CAP_VM_ATTRIBUTES`).
    public func set<Value>(_ attribute: DeviceAttribute<Value>, to value: Value) throws(KVMError) {
        try AttributeRequest.set(attribute, value, descriptor)
    }
}

extension VCPU {
    /// Whether the vCPU has the attribute (`KVM_CAP_VCPU_ATTRIBUTES`).
    public func has<Value>(_ attribute: DeviceAttribute<Value>) throws(KVMError) -> Bool {
        try AttributeRequest.has(attribute, descriptor)
    }

    /// Sets the attribute (`KVM_CAP_VCPU_ATTRIBUTES`).
    public func set<Value>(_ attribute: DeviceAttribute<Value>, to value: Value) throws(KVMError) {
        try AttributeRequest.set(attribute, value, descriptor)
    }

    /// Reads the attribute (`KVM_CAP_VCPU_ATTRIBUTES`).
    public func get<Value>(_ attribute: DeviceAttribute<Value>, initial: Value) throws(KVMError) -> Value {
        try AttributeRequest.get(attribute, initial: initial, descriptor)
    }
}

extension System {
    /// Whether the system has the attribute (`KVM_CAP_SYS_ATTRIBUTES`).
    public func has<Value>(_ attribute: DeviceAttribute<Value>) throws(KVMError) -> Bool {
        try AttributeRequest.has(attribute, descriptor)
    }

    /// Reads the attribute (`KVM_CAP_SYS_ATTRIBUTES`).
    public func get<Value>(_ attribute: DeviceAttribute<Value>, initial: Value) throws(KVMError) -> Value {
        try AttributeRequest.get(attribute, initial: initial, descriptor)
    }
}
