// SPDX-License-Identifier: Apache-2.0
public import VMMSysUtil

/// Why something about KVM failed.
public enum KVMError: Error, Equatable, Sendable {
    /// The device file cannot be opened: no KVM on this machine, or no permission.
    case unavailable(path: String, Errno)
    /// The kernel's KVM speaks another API version than 12, the only one there is since Linux 2.6.22.
    case unsupportedVersion(Int32)
    /// A request failed.
    case ioctl(String, Errno)
    /// The memory shared with the kernel could not be mapped.
    case mapping(Errno)
    /// The signal that kicks a vCPU could not be prepared.
    case kickSignal(Errno)
    /// A list has more entries than the kernel takes; nothing was handed over.
    case tooManyEntries(String, count: Int, limit: Int)
    /// An argument that the kernel would misread; nothing was handed over.
    case invalidArgument(String, reason: String)
    /// The kernel processed only the first `done` of the registers: the one after them is unknown to it, or refuses the
    /// value.
    case refusedRegister(String, index: UInt32)
    /// The kernel answered what its own interface rules out, such as an MMIO access of 9 bytes.
    case malformedAnswer(String)
}

extension KVMError: CustomStringConvertible {
    /// One line, cause last, such as `KVM_CREATE_VM: Permission denied (EACCES)`.
    public var description: String {
        switch self {
        case .unavailable(let path, let error): "cannot open \(path): \(error)"
        case .unsupportedVersion(let version): "the kernel speaks version \(version) of the KVM API, not 12"
        case .ioctl(let name, let error): "\(name): \(error)"
        case .mapping(let error): "cannot map memory shared with KVM: \(error)"
        case .kickSignal(let error): "cannot prepare the signal that kicks a vCPU: \(error)"
        case .tooManyEntries(let name, let count, let limit): "\(name): \(count) entries, at most \(limit) allowed"
        case .invalidArgument(let name, let reason): "\(name): \(reason)"
        case .refusedRegister(let name, let index): "\(name): register 0x\(String(index, radix: 16)) refused"
        case .malformedAnswer(let name): "\(name): the kernel's answer breaks its own interface"
        }
    }
}

extension KVMError {
    /// The error number, if the kernel gave one.
    public var errno: Errno? {
        switch self {
        case .unavailable(_, let error), .ioctl(_, let error), .mapping(let error), .kickSignal(let error): error
        case .unsupportedVersion, .tooManyEntries, .invalidArgument, .refusedRegister, .malformedAnswer: nil
        }
    }
}
