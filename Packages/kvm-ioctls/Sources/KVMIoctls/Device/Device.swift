// SPDX-License-Identifier: Apache-2.0
public import VMMSysUtil

/// A device that lives in the kernel (`KVM_CREATE_DEVICE`), such as the one that joins VFIO to a virtual machine.
public final class Device: Sendable {
    /// The device's descriptor.
    public let descriptor: FileDescriptor

    /// Takes over a device's descriptor.
    public init(adopting descriptor: consuming FileDescriptor) { self.descriptor = descriptor }

    /// What a device is (`KVM_DEV_TYPE_*`).
    public struct Kind: RawRepresentable, Hashable, Sendable {
        /// The kernel's number.
        public let rawValue: UInt32
        /// Takes the kernel's number.
        public init(rawValue: UInt32) { self.rawValue = rawValue }
        /// Joins VFIO groups or files to the virtual machine.
        public static let vfio = Kind(rawValue: 4)
        /// arm64's GICv2.
        public static let gicV2 = Kind(rawValue: 5)
        /// arm64's GICv3.
        public static let gicV3 = Kind(rawValue: 7)
        /// arm64's interrupt translation service.
        public static let gicITS = Kind(rawValue: 8)
    }
}

extension VirtualMachine {
    /// Makes a device in the kernel.
    public func createDevice(_ kind: Device.Kind) throws(KVMError) -> Device {
        var request = CreateDevice(kind: kind.rawValue, descriptor: 0, flags: 0)
        try Ioctl.createDevice.exchange(&request, with: descriptor)
        return Device(adopting: FileDescriptor(owning: Int32(bitPattern: request.descriptor)))
    }

    /// Whether this KVM has such a device; makes none.
    public func canCreateDevice(_ kind: Device.Kind) throws(KVMError) -> Bool {
        let testOnly: UInt32 = 1  // KVM_CREATE_DEVICE_TEST
        do {
            try Ioctl.createDevice.write(
                CreateDevice(kind: kind.rawValue, descriptor: 0, flags: testOnly), to: descriptor)
            return true
        } catch .ioctl(_, Errno(rawValue: 19)) {  // ENODEV
            return false
        }
    }
}

/// `struct kvm_create_device`.
package struct CreateDevice: BitwiseCopyable {
    package var kind: UInt32
    package var descriptor: UInt32
    package var flags: UInt32
}

extension Ioctl {
    /// `KVM_CREATE_DEVICE`.
    public static let createDevice = Ioctl("KVM_CREATE_DEVICE", .readWrite, 0xE0, CreateDevice.self)
    /// `KVM_SET_DEVICE_ATTR`, of devices, virtual machines and vCPUs.
    public static let setDeviceAttr = Ioctl("KVM_SET_DEVICE_ATTR", .write, 0xE1, AttributeRequest.self)
    /// `KVM_GET_DEVICE_ATTR`, of the system too.
    public static let getDeviceAttr = Ioctl("KVM_GET_DEVICE_ATTR", .write, 0xE2, AttributeRequest.self)
    /// `KVM_HAS_DEVICE_ATTR`, of the system too.
    public static let hasDeviceAttr = Ioctl("KVM_HAS_DEVICE_ATTR", .write, 0xE3, AttributeRequest.self)

    /// The requests of this folder.
    static let device: [Ioctl] = [createDevice, setDeviceAttr, getDeviceAttr, hasDeviceAttr]
}
