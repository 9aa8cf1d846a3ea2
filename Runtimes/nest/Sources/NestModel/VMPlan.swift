// SPDX-License-Identifier: Apache-2.0

/// One disk of a pod's VM.
public struct VMDrive: Equatable, Sendable {
    /// What it is called towards the VMM: letters, digits, `_` and `-`.
    public var id: String
    /// Its file, as the host names it.
    public var path: String
    /// Whether the guest may only read.
    public var isReadOnly: Bool
    /// The file's name is taken away once the VMM has opened it, so that nothing of it survives the VM.
    public var unlinkOnceOpen: Bool

    /// Describes a disk.
    public init(id: String, path: String, isReadOnly: Bool, unlinkOnceOpen: Bool = false) {
        self.id = id
        self.path = path
        self.isReadOnly = isReadOnly
        self.unlinkOnceOpen = unlinkOnceOpen
    }
}

/// The VM of one pod. Kernel, initramfs and system image come from the host's configuration; the system image becomes
/// `/dev/vda`, the drives here follow in their order.
public struct VMPlan: Equatable, Sendable {
    /// The pod's name, for logs and for the VMM's `--id`.
    public var sandboxID: String
    /// Virtual processors, 1 to 32.
    public var vcpuCount: Int
    /// The guest's memory in all.
    public var memoryMiB: Int
    /// The guest kernel's.
    public var commandLine: String
    /// Disks after the system image.
    public var drives: [VMDrive]

    /// Describes a VM.
    public init(sandboxID: String, vcpuCount: Int, memoryMiB: Int, commandLine: String, drives: [VMDrive]) {
        self.sandboxID = sandboxID
        self.vcpuCount = vcpuCount
        self.memoryMiB = memoryMiB
        self.commandLine = commandLine
        self.drives = drives
    }
}
