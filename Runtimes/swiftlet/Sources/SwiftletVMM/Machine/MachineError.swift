// SPDX-License-Identifier: Apache-2.0
public import ACPITables
public import KVMIoctls
public import LinuxLoader
public import VMMemory
public import VMMSysUtil

/// Why a machine could not be made, or could not go on.
public enum MachineError: Error, Equatable, Sendable {
    /// Not 1 to 254.
    case cpuCount(Int)
    /// Not a multiple of 4096 bytes between 1 MiB and 1 TiB.
    case memorySize(UInt64)
    /// A system call for a purpose.
    case host(String, Errno)
    /// A file of the user's.
    case file(role: String, path: String, Errno)
    /// A file of the user's that is none.
    case notAFile(role: String, path: String)
    /// The kernel file cannot be booted.
    case kernel(path: String, KernelImageError)
    /// The kernel file cannot be booted, in words.
    case boot(String)
    /// Guest memory.
    case memory(GuestMemoryError)
    /// KVM refused.
    case kvm(KVMError)
    /// The firmware tables could not be built.
    case firmware(TableError)
    /// More devices than interrupt lines.
    case tooManyDevices(Int)
    /// A device could not be made.
    case device(String)
    /// A thread could not be confined.
    case sandbox(SandboxError)
    /// A vCPU ended in a way that no guest can be blamed for.
    case vcpu(id: UInt32, String)
}

extension MachineError {
    /// A setting that was refused while the machine was made.
    init(_ error: ConfigError) {
        switch error {
        case .host(_, let error), .bootSource(let error): self = error
        default: self = .device("\(error)")
        }
    }
}

extension MachineError: CustomStringConvertible {
    /// One line for the user, with what to do where something can be done.
    public var description: String {
        switch self {
        case .cpuCount(let count): "\(count) CPUs: 1 to \(Layout.maximumCPUs) are possible"
        case .memorySize(let bytes):
            "\(bytes) bytes of memory: a multiple of 4K between 1 MiB and 1 TiB is possible"
        case .host(let attempt, let error): "\(attempt): \(error)"
        case .file(let role, let path, let error): "cannot open the \(role) \(path): \(error)"
        case .notAFile(let role, let path): "the \(role) \(path) is not a file"
        case .kernel(let path, let error): "cannot boot \(path): \(error)"
        case .boot(let text): text
        case .memory(let error): "guest memory: \(error)"
        case .kvm(.unavailable(let path, .noSuchFile)):
            "there is no \(path): this machine has no KVM, or its module is not loaded; Tests/Lab/lab has one"
        case .kvm(.unavailable(let path, .permissionDenied)):
            "no permission on \(path): join its group (usually kvm) or run as root"
        case .kvm(let error): "\(error)"
        case .firmware(let error): "ACPI tables: \(error)"
        case .tooManyDevices(let count): "\(count) devices: \(Layout.maximumVirtioDevices) are possible"
        case .device(let text): text
        case .sandbox(let error): "\(error); --no-seccomp runs without filters"
        case .vcpu(let id, let text): "CPU \(id): \(text)"
        }
    }
}
