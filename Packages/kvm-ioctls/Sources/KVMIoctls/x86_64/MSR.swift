// SPDX-License-Identifier: Apache-2.0
internal import VMMSysUtil

/// A model-specific register and its value (`struct kvm_msr_entry`).
public struct MSR: BitwiseCopyable, Hashable, Sendable {
    /// The most that one request takes: the kernel refuses `MAX_IO_MSRS` (256) itself already.
    public static let maximumCount = 255

    /// The number that RDMSR and WRMSR take in ECX.
    public var index: UInt32
    private var reserved: UInt32 = 0
    /// The value.
    public var value: UInt64

    /// A register with a value.
    public init(index: UInt32, value: UInt64 = 0) {
        self.index = index
        self.value = value
    }

    /// Hands registers to the kernel and takes them back, as many as it processed.
    fileprivate static func exchange(
        _ registers: some Collection<MSR>, _ ioctl: Ioctl,
        _ body: (UnsafeMutableRawPointer) throws(KVMError) -> Int32
    ) throws(KVMError) -> [MSR] {
        guard registers.count <= maximumCount else {
            throw .tooManyEntries(ioctl.name, count: registers.count, limit: maximumCount)
        }
        let list = FlexibleArray<MSR>(headerByteCount: 8, capacity: registers.count)
        list.count = UInt32(registers.count)
        _ = list.entries.update(from: registers)
        let done = try body(list.header)
        return Array(list.entries.prefix(Int(done)))
    }

    /// All registers in portions that the kernel takes; refuses to stop half-way in silence.
    fileprivate static func exchangeAll(
        _ registers: [MSR], _ ioctl: Ioctl, _ body: (UnsafeMutableRawPointer) throws(KVMError) -> Int32
    ) throws(KVMError) -> [MSR] {
        var rest = registers[...]
        var done: [MSR] = []
        while !rest.isEmpty {
            let portion = rest.prefix(maximumCount)
            let processed = try exchange(portion, ioctl, body)
            if processed.count < portion.count, let refused = portion.dropFirst(processed.count).first {
                throw .refusedRegister(ioctl.name, index: refused.index)
            }
            done += processed
            rest = rest.dropFirst(portion.count)
        }
        return done
    }
}

extension System {
    /// The registers that make up a vCPU's state on this machine.
    public func msrIndices() throws(KVMError) -> [UInt32] { try indices(.getMSRIndexList) }

    /// The registers whose value tells what KVM can do (`KVM_CAP_GET_MSR_FEATURES`).
    public func msrFeatureIndices() throws(KVMError) -> [UInt32] { try indices(.getMSRFeatureIndexList) }

    /// What feature registers say.
    /// - Returns: the registers up to the first that KVM does not know: compare the count.
    public func featureMSRs(_ indices: [UInt32]) throws(KVMError) -> [MSR] {
        try MSR.exchange(indices.map { MSR(index: $0) }, .getMSRs) { (list) throws(KVMError) in
            try Ioctl.getMSRs.call(descriptor, list)
        }
    }

    private func indices(_ ioctl: Ioctl) throws(KVMError) -> [UInt32] {
        // The first call fails with E2BIG and tells the number. The list does not grow, but nothing promises it.
        var capacity = 0
        for _ in 0..<4 {
            let list = FlexibleArray<UInt32>(headerByteCount: 4, capacity: capacity)
            list.count = UInt32(capacity)
            do {
                try ioctl.call(descriptor, list.header)
                return list.counted()
            } catch .ioctl(let name, .tooBig) {
                let wanted = Int(list.count)
                guard wanted > capacity, wanted <= 65_536 else { throw .ioctl(name, .tooBig) }
                capacity = wanted
            }
        }
        throw .ioctl(ioctl.name, .tooBig)
    }
}

extension VCPU {
    /// Reads registers.
    /// - Returns: the registers up to the first that the vCPU does not have: compare the count.
    /// - Throws: `.tooManyEntries` above 255.
    public func firstMSRs(_ indices: [UInt32]) throws(KVMError) -> [MSR] {
        try MSR.exchange(indices.map { MSR(index: $0) }, .getMSRs) { (list) throws(KVMError) in
            try Ioctl.getMSRs.call(descriptor, list)
        }
    }

    /// Writes registers up to the first that the vCPU does not have, or whose value it refuses.
    /// - Returns: how many were written: compare.
    /// - Throws: `.tooManyEntries` above 255.
    public func setFirstMSRs(_ registers: [MSR]) throws(KVMError) -> Int {
        try MSR.exchange(registers, .setMSRs) { (list) throws(KVMError) in
            try Ioctl.setMSRs.call(descriptor, list)
        }.count
    }

    /// Reads all of the registers, any number of them.
    /// - Throws: `.refusedRegister` naming the first that the vCPU does not have.
    public func msrs(_ indices: [UInt32]) throws(KVMError) -> [MSR] {
        try MSR.exchangeAll(indices.map { MSR(index: $0) }, .getMSRs) { (list) throws(KVMError) in
            try Ioctl.getMSRs.call(descriptor, list)
        }
    }

    /// Writes all of the registers, any number of them.
    /// - Throws: `.refusedRegister` naming the first that was refused; those before it are written.
    public func setMSRs(_ registers: [MSR]) throws(KVMError) {
        _ = try MSR.exchangeAll(registers, .setMSRs) { (list) throws(KVMError) in
            try Ioctl.setMSRs.call(descriptor, list)
        }
    }
}

extension Ioctl {
    /// `KVM_GET_MSR_INDEX_LIST`.
    public static let getMSRIndexList = Ioctl("KVM_GET_MSR_INDEX_LIST", .readWrite, 0x02, byteCount: 4)
    /// `KVM_GET_MSR_FEATURE_INDEX_LIST`.
    public static let getMSRFeatureIndexList = Ioctl("KVM_GET_MSR_FEATURE_INDEX_LIST", .readWrite, 0x0A, byteCount: 4)
    /// `KVM_GET_MSRS`.
    public static let getMSRs = Ioctl("KVM_GET_MSRS", .readWrite, 0x88, byteCount: 8)
    /// `KVM_SET_MSRS`.
    public static let setMSRs = Ioctl("KVM_SET_MSRS", .write, 0x89, byteCount: 8)

    /// The requests of this file.
    static let msr: [Ioctl] = [getMSRIndexList, getMSRFeatureIndexList, getMSRs, setMSRs]
}
