// SPDX-License-Identifier: Apache-2.0
internal import Glibc
public import VMMSysUtil

/// `/dev/kvm`: what this machine's KVM can do, and where virtual machines come from.
public final class System: Sendable {
    /// The open device file.
    public let descriptor: FileDescriptor

    /// Opens the device file and checks that it is KVM's.
    /// - Throws: `.unavailable` if it cannot be opened, `.ioctl` if it is something else, `.unsupportedVersion`.
    public convenience init(path: String = "/dev/kvm") throws(KVMError) {
        let opened: Int32
        do {
            opened = try retryOnInterrupt { open(path, O_RDWR | O_CLOEXEC) }
        } catch {
            throw .unavailable(path: path, error)
        }
        try self.init(adopting: FileDescriptor(owning: opened))
    }

    /// Takes over an open device file, as a sandboxed process receives it.
    public init(adopting descriptor: consuming FileDescriptor) throws(KVMError) {
        self.descriptor = descriptor
        let version = try apiVersion()
        guard version == 12 else { throw .unsupportedVersion(version) }
    }

    /// The version of the interface; 12 on every kernel since 2.6.22.
    public func apiVersion() throws(KVMError) -> Int32 { try Ioctl.getAPIVersion.call(descriptor) }

    /// What the kernel says about a capability: 0 is absent; what other numbers mean is the capability's matter.
    public func check(_ capability: Capability) throws(KVMError) -> Int {
        Int(try Ioctl.checkExtension.call(descriptor, UInt(capability.rawValue)))
    }

    /// Whether a capability is present.
    public func has(_ capability: Capability) throws(KVMError) -> Bool { try check(capability) != 0 }

    /// Bytes of the area that each vCPU shares with the kernel.
    public func runAreaByteCount() throws(KVMError) -> Int { Int(try Ioctl.getVCPUMapSize.call(descriptor)) }

    /// Makes an empty virtual machine: no memory, no vCPU.
    /// - Parameter type: 0 for an ordinary one; other values are the architecture's (`KVM_X86_SW_PROTECTED_VM` and
    ///   such).
    public func createVirtualMachine(type: UInt = 0) throws(KVMError) -> VirtualMachine {
        let byteCount = try runAreaByteCount()
        let number = try Ioctl.createVM.call(descriptor, type)
        return VirtualMachine(adopting: FileDescriptor(owning: number), runAreaByteCount: byteCount)
    }
}

extension Ioctl {
    /// `KVM_GET_API_VERSION`.
    public static let getAPIVersion = Ioctl("KVM_GET_API_VERSION", 0x00)
    /// `KVM_CREATE_VM`.
    public static let createVM = Ioctl("KVM_CREATE_VM", 0x01)
    /// `KVM_CHECK_EXTENSION`.
    public static let checkExtension = Ioctl("KVM_CHECK_EXTENSION", 0x03)
    /// `KVM_GET_VCPU_MMAP_SIZE`.
    public static let getVCPUMapSize = Ioctl("KVM_GET_VCPU_MMAP_SIZE", 0x04)

    /// The requests of this file and of `System+Limits`.
    static let system: [Ioctl] = [getAPIVersion, createVM, checkExtension, getVCPUMapSize]
}
