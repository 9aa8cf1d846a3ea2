// SPDX-License-Identifier: Apache-2.0
internal import CKVMIoctls
internal import VMMSysUtil

/// One KVM request: its name, its code, and the way to issue it.
///
/// Each request is one row, a static of this type: the method that issues it, the text of its errors, the filters of a
/// sandbox and the test against the kernel's headers all read that row.
public struct Ioctl: Sendable, Hashable {
    /// The kernel's name, such as `KVM_CREATE_VM`.
    public let name: String
    /// The number that `ioctl(2)` takes.
    public let code: UInt32

    /// Which way the argument's bytes go, as the kernel's `_IO`, `_IOW`, `_IOR` and `_IOWR` say.
    ///
    /// It is a part of the number only: several requests are declared the wrong way round and must stay so.
    public enum Direction: UInt32, Sendable {
        /// `_IO`: no argument, or a number.
        case none = 0
        /// `_IOW`: user space writes, the kernel reads.
        case write = 1
        /// `_IOR`: user space reads.
        case read = 2
        /// `_IOWR`: both.
        case readWrite = 3
    }

    /// KVM's letter, `KVMIO` in `<linux/kvm.h>`.
    static let type: UInt32 = 0xAE

    /// A request whose argument is a structure with a fixed part of `byteCount` bytes.
    public init(_ name: String, _ direction: Direction, _ number: UInt8, byteCount: Int) {
        self.name = name
        let size = UInt32(truncatingIfNeeded: byteCount) & 0x3FFF
        code = direction.rawValue << 30 | size << 16 | Ioctl.type << 8 | UInt32(number)
    }

    /// A request whose argument is one `Argument`.
    public init<Argument: BitwiseCopyable>(
        _ name: String, _ direction: Direction, _ number: UInt8, _ argument: Argument.Type
    ) {
        self.init(name, direction, number, byteCount: MemoryLayout<Argument>.stride)
    }

    /// A request without a structure.
    public init(_ name: String, _ number: UInt8) { self.init(name, .none, number, byteCount: 0) }
}

extension Ioctl {
    /// Issues the request with a number as its argument, again if a signal came first.
    /// - Returns: what the kernel answered, never negative.
    @discardableResult
    func call(_ descriptor: borrowing FileDescriptor, _ argument: UInt = 0) throws(KVMError) -> Int32 {
        let number = descriptor.rawValue
        let request = UInt(code)
        do {
            return try retryOnInterrupt { () -> Int32 in ckvm_ioctl(number, request, argument) }
        } catch {
            throw .ioctl(name, error)
        }
    }

    /// Issues the request with a pointer as its argument.
    @discardableResult
    func call(_ descriptor: borrowing FileDescriptor, _ argument: UnsafeRawPointer) throws(KVMError) -> Int32 {
        try call(descriptor, UInt(bitPattern: argument))
    }

    /// Hands a structure to the kernel.
    @discardableResult
    func write<Argument: BitwiseCopyable>(
        _ value: Argument, to descriptor: borrowing FileDescriptor
    ) throws(KVMError) -> Int32 {
        var copy = value
        return try exchange(&copy, with: descriptor)
    }

    /// Hands a structure to the kernel, which may change it.
    @discardableResult
    func exchange<Argument: BitwiseCopyable>(
        _ value: inout Argument, with descriptor: borrowing FileDescriptor
    ) throws(KVMError) -> Int32 {
        try withUnsafeMutablePointer(to: &value) { (pointer) throws(KVMError) -> Int32 in
            try call(descriptor, UnsafeRawPointer(pointer))
        }
    }

    /// Takes a structure from the kernel.
    func read<Argument: KVMStructure>(
        _ type: Argument.Type = Argument.self, from descriptor: borrowing FileDescriptor
    ) throws(KVMError) -> Argument {
        var value = Argument()
        try exchange(&value, with: descriptor)
        return value
    }
}
