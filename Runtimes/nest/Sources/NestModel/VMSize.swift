// SPDX-License-Identifier: Apache-2.0

/// What a container asks of the machine: its limits, as the specification names them.
public struct ContainerLimits: Equatable, Sendable {
    /// Bytes; nil or below 1 is no limit.
    public var memoryBytes: Int64?
    /// Microseconds of processor time in a period; nil or below 1 is no limit.
    public var quota: Int64?
    /// Microseconds; nil or 0 is the kernel's 100,000.
    public var period: UInt64?

    /// Takes the three.
    public init(memoryBytes: Int64? = nil, quota: Int64? = nil, period: UInt64? = nil) {
        self.memoryBytes = memoryBytes
        self.quota = quota
        self.period = period
    }

    /// The limit rounded up to whole MiB; nil without a limit, which a number at the end of the range also means.
    public var memoryMiB: Int? {
        guard let memoryBytes, memoryBytes > 0, memoryBytes < Int64(1) << 50 else { return nil }
        return Int((memoryBytes + (1 << 20) - 1) >> 20)
    }

    /// The quota in whole processors, rounded up; nil without one.
    public var processors: Int? {
        guard let quota, quota > 0 else { return nil }
        let period = Int64(clamping: (self.period ?? 0) == 0 ? 100_000 : self.period ?? 1)
        return Int(quota / period) + (quota % period == 0 ? 0 : 1)
    }
}

/// The size of a pod's VM.
public struct VMSize: Equatable, Sendable {
    /// Virtual processors, 1 to 32.
    public var vcpuCount: Int
    /// What containers may use; the guest's kernel and agent have theirs beside it.
    public var containerMiB: Int
    /// The guest's memory in all.
    public var memoryMiB: Int

    /// The most virtual processors that a VM gets.
    public static let maximumVCPUCount = 32

    /// Sizes a VM: memory is the limit or the default, and the overhead; processors are the quota rounded up, at least 1.
    ///
    /// The overhead grows by a 32nd of what containers may use: a guest's kernel has 64 bytes for each page, a 64th, and
    /// keeps its reserves and page tables besides.
    public init(limits: ContainerLimits, defaultMemoryMiB: Int, overheadMiB: Int) {
        vcpuCount = min(max(1, limits.processors ?? 1), Self.maximumVCPUCount)
        containerMiB = limits.memoryMiB ?? defaultMemoryMiB
        memoryMiB = containerMiB + overheadMiB + containerMiB / 32
    }

    /// What the pod's cgroup on the host allows in all: the VM's memory, the VMM and the shim, and a 256th for page tables, the
    /// VMM's and KVM's, of a host without huge pages.
    public func hostMiB(overheadMiB: Int) -> Int { memoryMiB + overheadMiB + memoryMiB / 256 }

    /// Whether new limits fit into this VM, which cannot grow.
    public func check(_ limits: ContainerLimits) throws(VMSizeError) {
        if let wanted = limits.memoryMiB, wanted > containerMiB { throw .memory(wanted: wanted, is: containerMiB) }
        if let wanted = limits.processors, wanted > vcpuCount { throw .processors(wanted: wanted, is: vcpuCount) }
    }
}

/// A limit that a running VM cannot give.
public enum VMSizeError: Error, Equatable, CustomStringConvertible {
    /// In MiB.
    case memory(wanted: Int, is: Int)
    /// Whole processors.
    case processors(wanted: Int, is: Int)

    /// One line with both numbers.
    public var description: String {
        switch self {
        case .memory(let wanted, let size):
            "a memory limit of \(wanted) MiB is beyond the VM's \(size) MiB; make the container anew with that limit"
        case .processors(let wanted, let size):
            "a quota of \(wanted) processors is beyond the VM's \(size); make the container anew with that quota"
        }
    }
}
