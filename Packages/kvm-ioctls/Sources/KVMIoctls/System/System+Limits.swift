// SPDX-License-Identifier: Apache-2.0

/// How many of each thing a virtual machine may have.
///
/// A kernel that does not know a capability answers 0, and then the number that `Documentation/virt/kvm/api.rst` gives
/// for it holds. A failed request is an error and never read as a number.
extension System {
    /// vCPUs a virtual machine that should be fast (`KVM_CAP_NR_VCPUS`, else 4).
    public func recommendedVCPUCount() throws(KVMError) -> Int {
        let count = try check(.recommendedVCPUs)
        return count > 0 ? count : 4
    }

    /// vCPUs a virtual machine at most (`KVM_CAP_MAX_VCPUS`, else the recommended number).
    public func maximumVCPUCount() throws(KVMError) -> Int {
        let count = try check(.maximumVCPUs)
        return count > 0 ? count : try recommendedVCPUCount()
    }

    /// One more than the largest vCPU id (`KVM_CAP_MAX_VCPU_ID`, else the largest number of vCPUs).
    public func maximumVCPUID() throws(KVMError) -> Int {
        let count = try check(.maximumVCPUID)
        return count > 0 ? count : try maximumVCPUCount()
    }

    /// Memory slots a virtual machine at most (`KVM_CAP_NR_MEMSLOTS`, else 32).
    public func memorySlotCount() throws(KVMError) -> Int {
        let count = try check(.memorySlots)
        return count > 0 ? count : 32
    }
}
