// SPDX-License-Identifier: Apache-2.0

/// Memory that the host cannot read (SEV, TDX).
extension VirtualMachine {
    /// Issues a command of the encryption technology.
    /// - Parameter command: its structure, such as `struct kvm_sev_cmd`; nil only asks whether the technology is there.
    /// - Throws: `ENOTTY` without such a technology.
    public func memoryEncryptionCommand(_ command: UnsafeMutableRawPointer?) throws(KVMError) {
        try Ioctl.memoryEncryptOperation.call(descriptor, UInt(bitPattern: command))
    }

    /// Pins host memory that the guest may encrypt.
    public func registerEncryptedRegion(_ region: UnsafeMutableRawBufferPointer) throws(KVMError) {
        try Ioctl.memoryEncryptRegister.write(EncryptedRegion(region), to: descriptor)
    }

    /// Ends `registerEncryptedRegion`.
    public func unregisterEncryptedRegion(_ region: UnsafeMutableRawBufferPointer) throws(KVMError) {
        try Ioctl.memoryEncryptUnregister.write(EncryptedRegion(region), to: descriptor)
    }
}

/// `struct kvm_enc_region`.
package struct EncryptedRegion: BitwiseCopyable {
    package var address: UInt64
    package var byteCount: UInt64

    init(_ region: UnsafeMutableRawBufferPointer) {
        address = UInt64(UInt(bitPattern: region.baseAddress))
        byteCount = UInt64(region.count)
    }
}

extension Ioctl {
    /// `KVM_MEMORY_ENCRYPT_OP`; declared with a word by the kernel.
    public static let memoryEncryptOperation = Ioctl("KVM_MEMORY_ENCRYPT_OP", .readWrite, 0xBA, UInt.self)
    /// `KVM_MEMORY_ENCRYPT_REG_REGION`; declared as a read by the kernel.
    public static let memoryEncryptRegister = Ioctl("KVM_MEMORY_ENCRYPT_REG_REGION", .read, 0xBB, EncryptedRegion.self)
    /// `KVM_MEMORY_ENCRYPT_UNREG_REGION`; declared as a read by the kernel.
    public static let memoryEncryptUnregister =
        Ioctl("KVM_MEMORY_ENCRYPT_UNREG_REGION", .read, 0xBC, EncryptedRegion.self)

    /// The requests of this file.
    static let encryption: [Ioctl] = [memoryEncryptOperation, memoryEncryptRegister, memoryEncryptUnregister]
}
