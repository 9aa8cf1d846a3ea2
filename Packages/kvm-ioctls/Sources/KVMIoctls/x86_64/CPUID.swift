// SPDX-License-Identifier: Apache-2.0
internal import VMMSysUtil

/// What the guest's CPUID instruction answers (`struct kvm_cpuid2`).
public struct CPUID: Hashable, Sendable {
    /// `KVM_MAX_CPUID_ENTRIES`.
    public static let maximumCount = 256

    /// The answer for one leaf, or one subleaf (`struct kvm_cpuid_entry2`).
    public struct Entry: BitwiseCopyable, Hashable, Sendable {
        /// The leaf: EAX at the instruction.
        public var function: UInt32
        /// The subleaf: ECX at the instruction; counts only if `flags` says so.
        public var index: UInt32
        /// `KVM_CPUID_FLAG_*`; bit 0 says that `index` counts.
        public var flags: UInt32
        /// A register's answer.
        public var eax: UInt32, ebx: UInt32, ecx: UInt32, edx: UInt32
        private var padding0: UInt32 = 0, padding1: UInt32 = 0, padding2: UInt32 = 0

        /// `flags` for an entry whose index counts.
        public static let significantIndex: UInt32 = 1

        /// An answer; zero in every register unless given.
        public init(
            function: UInt32, index: UInt32 = 0, flags: UInt32 = 0, eax: UInt32 = 0, ebx: UInt32 = 0,
            ecx: UInt32 = 0, edx: UInt32 = 0
        ) {
            (self.function, self.index, self.flags) = (function, index, flags)
            (self.eax, self.ebx, self.ecx, self.edx) = (eax, ebx, ecx, edx)
        }
    }

    /// The answers.
    public var entries: [Entry]

    /// Wraps answers.
    public init(_ entries: [Entry] = []) { self.entries = entries }

    /// The position of a leaf's answer.
    public func firstIndex(function: UInt32, index: UInt32? = nil) -> Int? {
        entries.firstIndex { $0.function == function && (index == nil || $0.index == index) }
    }

    /// Lays the answers out as the kernel reads them.
    fileprivate func hand(
        to ioctl: Ioctl, _ body: (UnsafeMutableRawPointer) throws(KVMError) -> Void
    ) throws(KVMError) {
        try CPUID.check(entries.count, ioctl)
        let list = FlexibleArray<Entry>(headerByteCount: 8, capacity: entries.count)
        list.count = UInt32(entries.count)
        _ = list.entries.update(from: entries)
        try body(list.header)
    }

    /// Fetches with room for `capacity` entries; the result has as many as the kernel filled in.
    static func fetch(
        capacity: Int, _ ioctl: Ioctl, _ body: (UnsafeMutableRawPointer) throws(KVMError) -> Void
    ) throws(KVMError) -> CPUID {
        try check(capacity, ioctl)
        let list = FlexibleArray<Entry>(headerByteCount: 8, capacity: capacity)
        list.count = UInt32(capacity)
        try body(list.header)
        return CPUID(list.counted())
    }

    private static func check(_ count: Int, _ ioctl: Ioctl) throws(KVMError) {
        guard (0...maximumCount).contains(count) else {
            throw .tooManyEntries(ioctl.name, count: count, limit: maximumCount)
        }
    }
}

extension System {
    /// What KVM can show a guest on this machine.
    /// - Parameter capacity: room for this many entries.
    /// - Throws: `E2BIG` if there are more, `.tooManyEntries` above 256.
    public func supportedCPUID(capacity: Int = CPUID.maximumCount) throws(KVMError) -> CPUID {
        try CPUID.fetch(capacity: capacity, .getSupportedCPUID) { (list) throws(KVMError) in
            try Ioctl.getSupportedCPUID.call(descriptor, list)
        }
    }

    /// What KVM can show a guest though the hardware has it not, at the price of speed.
    /// - Throws: `E2BIG` if there are more entries than `capacity`, `.tooManyEntries` above 256.
    public func emulatedCPUID(capacity: Int = CPUID.maximumCount) throws(KVMError) -> CPUID {
        try CPUID.fetch(capacity: capacity, .getEmulatedCPUID) { (list) throws(KVMError) in
            try Ioctl.getEmulatedCPUID.call(descriptor, list)
        }
    }
}

extension VCPU {
    /// Sets what the guest's CPUID answers. Before the vCPU runs for the first time.
    /// - Throws: `.tooManyEntries` above 256.
    public func setCPUID(_ cpuid: CPUID) throws(KVMError) {
        try cpuid.hand(to: .setCPUID2) { (list) throws(KVMError) in try Ioctl.setCPUID2.call(descriptor, list) }
    }

    /// What the guest's CPUID answers.
    /// - Throws: `E2BIG` if there are more entries than `capacity`, `.tooManyEntries` above 256.
    public func cpuid(capacity: Int = CPUID.maximumCount) throws(KVMError) -> CPUID {
        var cpuid = try CPUID.fetch(capacity: capacity, .getCPUID2) { (list) throws(KVMError) in
            try Ioctl.getCPUID2.call(descriptor, list)
        }
        // Linux 6.1 leaves the count at the capacity. What they did not fill in is zero, and an
        // answer of zeros says no more than none.
        while cpuid.entries.last == CPUID.Entry(function: 0) { cpuid.entries.removeLast() }
        return cpuid
    }
}

extension Ioctl {
    /// `KVM_GET_SUPPORTED_CPUID`.
    public static let getSupportedCPUID = Ioctl("KVM_GET_SUPPORTED_CPUID", .readWrite, 0x05, byteCount: 8)
    /// `KVM_GET_EMULATED_CPUID`.
    public static let getEmulatedCPUID = Ioctl("KVM_GET_EMULATED_CPUID", .readWrite, 0x09, byteCount: 8)
    /// `KVM_SET_CPUID2`.
    public static let setCPUID2 = Ioctl("KVM_SET_CPUID2", .write, 0x90, byteCount: 8)
    /// `KVM_GET_CPUID2`.
    public static let getCPUID2 = Ioctl("KVM_GET_CPUID2", .readWrite, 0x91, byteCount: 8)

    /// The requests of this file.
    static let cpuid: [Ioctl] = [getSupportedCPUID, getEmulatedCPUID, setCPUID2, getCPUID2]
}
