// SPDX-License-Identifier: Apache-2.0
public import VMMSysUtil

extension VirtualMachine {
    /// A file with the virtual machine's counters, in the kernel's binary format (`KVM_CAP_BINARY_STATS_FD`, Linux
    /// 5.14).
    public func statisticsFile() throws(KVMError) -> FileDescriptor {
        FileDescriptor(owning: try Ioctl.getStatsFD.call(descriptor))
    }
}

extension VCPU {
    /// A file with the vCPU's counters, in the kernel's binary format (`KVM_CAP_BINARY_STATS_FD`, Linux 5.14).
    public func statisticsFile() throws(KVMError) -> FileDescriptor {
        FileDescriptor(owning: try Ioctl.getStatsFD.call(descriptor))
    }
}

extension Ioctl {
    /// `KVM_GET_STATS_FD`, of virtual machines and vCPUs.
    public static let getStatsFD = Ioctl("KVM_GET_STATS_FD", 0xCE)

    /// The requests of this file.
    static let statistics: [Ioctl] = [getStatsFD]
}
