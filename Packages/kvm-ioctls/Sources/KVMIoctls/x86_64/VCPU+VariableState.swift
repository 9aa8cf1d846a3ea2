// SPDX-License-Identifier: Apache-2.0

/// State whose size depends on the processor.
extension VCPU {
    /// The processor's extended state, in the layout of CPUID leaf 0xD (`struct kvm_xsave`).
    ///
    /// - Parameter byteCount: what `VirtualMachine.check(.xsave2)` says, 4,096 at least; nil takes the first 4,096
    ///   bytes, which lack what large optional features such as AMX would add.
    public func xsave(byteCount: Int? = nil) throws(KVMError) -> [UInt8] {
        let ioctl = byteCount == nil ? Ioctl.getXSave : Ioctl.getXSave2
        let wanted = byteCount ?? 4096
        guard (4096...VCPU.xsaveRoom).contains(wanted) else {
            throw .invalidArgument(ioctl.name, reason: "\(wanted) bytes of extended state")
        }
        // The kernel writes as much as it has, whatever was asked: hence always the same ample room.
        let buffer = FlexibleArray<UInt8>(headerByteCount: 0, capacity: VCPU.xsaveRoom)
        try ioctl.call(descriptor, buffer.header)
        return Array(buffer.entries.prefix(wanted))
    }

    /// Sets the processor's extended state; what is missing at the end is zero.
    public func setXSave(_ bytes: [UInt8]) throws(KVMError) {
        guard bytes.count <= VCPU.xsaveRoom else {
            throw .invalidArgument(Ioctl.setXSave.name, reason: "\(bytes.count) bytes of extended state")
        }
        let buffer = FlexibleArray<UInt8>(headerByteCount: 0, capacity: VCPU.xsaveRoom)
        _ = buffer.entries.update(from: bytes)
        try Ioctl.setXSave.call(descriptor, buffer.header)
    }

    /// Several times what any processor has; AMX brings it to 11 kB.
    private static var xsaveRoom: Int { 65_536 }

    /// What the vCPU knows of a guest of its own (`struct kvm_nested_state`, `KVM_CAP_NESTED_STATE`).
    /// - Returns: as many bytes as the kernel filled in; 128, the header, if there is no nested guest.
    public func nestedState() throws(KVMError) -> [UInt8] {
        let buffer = FlexibleArray<UInt8>(headerByteCount: 0, capacity: VCPU.nestedStateRoom)
        buffer.header.storeBytes(of: UInt32(VCPU.nestedStateRoom), toByteOffset: 4, as: UInt32.self)
        try Ioctl.getNestedState.call(descriptor, buffer.header)
        let size = Int(buffer.header.load(fromByteOffset: 4, as: UInt32.self))
        guard (128...VCPU.nestedStateRoom).contains(size) else { throw .malformedAnswer(Ioctl.getNestedState.name) }
        return Array(buffer.entries.prefix(size))
    }

    /// Restores what `nestedState()` gave.
    /// - Throws: `.invalidArgument` if the size that the bytes name is not theirs, before the kernel would read past
    ///   them.
    public func setNestedState(_ bytes: [UInt8]) throws(KVMError) {
        let named =
            bytes.count < 128 ? nil : bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 4, as: UInt32.self) }
        guard let named, named >= 128, Int(named) <= bytes.count else {
            throw .invalidArgument(Ioctl.setNestedState.name, reason: "\(bytes.count) bytes name another size")
        }
        try bytes.withUnsafeBufferPointer { (bytes) throws(KVMError) -> Void in
            guard let base = bytes.baseAddress else { return }
            try Ioctl.setNestedState.call(descriptor, base)
        }
    }

    /// The header and two pages, the most that Intel's and AMD's formats have.
    private static var nestedStateRoom: Int { 128 + 8192 }
}

extension Ioctl {
    /// `KVM_GET_XSAVE`.
    public static let getXSave = Ioctl("KVM_GET_XSAVE", .read, 0xA4, byteCount: 4096)
    /// `KVM_SET_XSAVE`.
    public static let setXSave = Ioctl("KVM_SET_XSAVE", .write, 0xA5, byteCount: 4096)
    /// `KVM_GET_XSAVE2`.
    public static let getXSave2 = Ioctl("KVM_GET_XSAVE2", .read, 0xCF, byteCount: 4096)
    /// `KVM_GET_NESTED_STATE`.
    public static let getNestedState = Ioctl("KVM_GET_NESTED_STATE", .readWrite, 0xBE, byteCount: 128)
    /// `KVM_SET_NESTED_STATE`.
    public static let setNestedState = Ioctl("KVM_SET_NESTED_STATE", .write, 0xBF, byteCount: 128)

    /// The requests of this file.
    static let variableState: [Ioctl] = [getXSave, setXSave, getXSave2, getNestedState, setNestedState]
}
