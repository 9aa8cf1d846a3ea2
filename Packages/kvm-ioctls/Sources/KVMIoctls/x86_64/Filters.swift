// SPDX-License-Identifier: Apache-2.0
internal import VMMSysUtil

/// Register numbers that a guest may or may not access (`struct kvm_msr_filter_range`).
public struct MSRFilterRange: Hashable, Sendable {
    /// Accesses that the bitmap speaks of (`KVM_MSR_FILTER_*`).
    public struct Access: OptionSet, Hashable, Sendable {
        /// The bits as the kernel defines them.
        public let rawValue: UInt32
        /// Takes the kernel's bits.
        public init(rawValue: UInt32) { self.rawValue = rawValue }
        /// RDMSR.
        public static let read = Access(rawValue: 1 << 0)
        /// WRMSR.
        public static let write = Access(rawValue: 1 << 1)
    }

    /// `KVM_MSR_FILTER_MAX_RANGES`.
    public static let maximumCount = 16

    /// Accesses that the bitmap speaks of.
    public var access: Access
    /// The first register.
    public var base: UInt32
    /// How many registers.
    public var count: UInt32
    /// A bit for each register, the first in bit 0 of byte 0: 1 allows, 0 denies.
    public var bitmap: [UInt8]

    /// A range.
    public init(_ access: Access, base: UInt32, count: UInt32, bitmap: [UInt8]) {
        (self.access, self.base, self.count, self.bitmap) = (access, base, count, bitmap)
    }

    /// A range that denies (or allows) each of its registers.
    public init(_ access: Access, base: UInt32, count: UInt16, allows: Bool) {
        let bytes = [UInt8](repeating: allows ? 0xFF : 0, count: (Int(count) + 7) / 8)
        self.init(access, base: base, count: UInt32(count), bitmap: bytes)
    }

    /// `struct kvm_msr_filter_range`.
    package struct Layout: BitwiseCopyable {
        package var flags: UInt32 = 0
        package var count: UInt32 = 0
        package var base: UInt32 = 0
        package var padding: UInt32 = 0
        package var bitmap: UInt64 = 0
    }
}

/// `struct kvm_msr_filter`.
package struct MSRFilter: BitwiseCopyable {
    package var flags: UInt32
    package var padding: UInt32 = 0
    package var ranges: [16 of MSRFilterRange.Layout] = .init(repeating: .init())
}

extension VirtualMachine {
    /// Replaces the register filter (`KVM_CAP_X86_MSR_FILTER`). A denied access is a fault in the guest, or an exit if
    /// `.x86UserSpaceMSR` was enabled for `MSRExitReason.filter`.
    /// - Parameters:
    ///   - ranges: registers that are treated differently, at most 16 ranges.
    ///   - allowsByDefault: what holds for registers in no range.
    /// - Throws: `.tooManyEntries` above 16 ranges, `.invalidArgument` for a bitmap that is too short; `EINVAL` if
    ///   everything would be denied.
    public func setMSRFilter(_ ranges: [MSRFilterRange], allowsByDefault: Bool = true) throws(KVMError) {
        let name = Ioctl.setMSRFilter.name
        guard ranges.count <= MSRFilterRange.maximumCount else {
            throw .tooManyEntries(name, count: ranges.count, limit: MSRFilterRange.maximumCount)
        }
        var filter = MSRFilter(flags: allowsByDefault ? 0 : 1)
        var bitmaps: [UInt8] = []
        var offsets: [Int] = []
        for range in ranges {
            let wanted = (UInt64(range.count) + 7) / 8
            guard UInt64(range.bitmap.count) >= wanted else {
                throw .invalidArgument(name, reason: "\(range.bitmap.count) bytes for \(range.count) registers")
            }
            offsets.append(bitmaps.count)
            bitmaps += range.bitmap
        }
        try bitmaps.withUnsafeBufferPointer { (bytes) throws(KVMError) -> Void in
            let base = UInt64(UInt(bitPattern: bytes.baseAddress))
            for (index, range) in ranges.enumerated() {
                filter.ranges[index] = MSRFilterRange.Layout(
                    flags: range.access.rawValue, count: range.count, base: range.base,
                    bitmap: base + UInt64(offsets[index]))
            }
            try Ioctl.setMSRFilter.write(filter, to: descriptor)
        }
    }

    /// Replaces the filter of performance events (`KVM_CAP_PMU_EVENT_FILTER`).
    /// - Parameters:
    ///   - events: at most 300, as the guest would write them to an event select register.
    ///   - allowsListed: whether the listed events are allowed and all others denied, or the other way round.
    ///   - fixedCounters: a bit for each fixed counter, allowed or denied like an event.
    ///   - flags: 1 if the events are masked ones (`KVM_CAP_PMU_EVENT_MASKED_EVENTS`).
    /// - Throws: `.tooManyEntries` above 300 events.
    public func setPerformanceEventFilter(
        _ events: [UInt64], allowsListed: Bool, fixedCounters: UInt32 = 0, flags: UInt32 = 0
    ) throws(KVMError) {
        let limit = 300  // KVM_PMU_EVENT_FILTER_MAX_EVENTS, arch/x86/kvm/pmu.c
        guard events.count <= limit else {
            throw .tooManyEntries(Ioctl.setPMUEventFilter.name, count: events.count, limit: limit)
        }
        let list = FlexibleArray<UInt64>(headerByteCount: 32, capacity: events.count)
        list.header.storeBytes(of: allowsListed ? 0 : 1, as: UInt32.self)
        list.header.storeBytes(of: UInt32(events.count), toByteOffset: 4, as: UInt32.self)
        list.header.storeBytes(of: fixedCounters, toByteOffset: 8, as: UInt32.self)
        list.header.storeBytes(of: flags, toByteOffset: 12, as: UInt32.self)
        _ = list.entries.update(from: events)
        try Ioctl.setPMUEventFilter.call(descriptor, list.header)
    }
}

extension Ioctl {
    /// `KVM_SET_PMU_EVENT_FILTER`.
    public static let setPMUEventFilter = Ioctl("KVM_SET_PMU_EVENT_FILTER", .write, 0xB2, byteCount: 32)
    /// `KVM_X86_SET_MSR_FILTER`.
    public static let setMSRFilter = Ioctl("KVM_X86_SET_MSR_FILTER", .write, 0xC6, MSRFilter.self)

    /// The requests of this file.
    static let filters: [Ioctl] = [setPMUEventFilter, setMSRFilter]
}
