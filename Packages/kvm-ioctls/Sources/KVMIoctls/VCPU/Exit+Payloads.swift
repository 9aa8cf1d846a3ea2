// SPDX-License-Identifier: Apache-2.0
public import VMMSysUtil

extension UnsafeMutableRawPointer {
    /// A field of the exit's payload.
    func payload<Field: BitwiseCopyable>(_ offset: Int, _ type: Field.Type = Field.self) -> Field {
        load(fromByteOffset: RunArea.Offset.payload + offset, as: type)
    }
}

/// Up to 16 words that come with an exit. They lie in the area shared with the kernel.
public struct ExitData {
    let words: UnsafeRawPointer
    /// How many there are; never more than 16, whatever the kernel says.
    public let count: Int

    init(page: UnsafeMutableRawPointer) {
        words = UnsafeRawPointer(page + (RunArea.Offset.payload + 8))
        count = Int(min(page.payload(4, UInt32.self), 16))
    }

    /// A word, or nil beyond the end.
    public subscript(index: Int) -> UInt64? {
        index >= 0 && index < count ? words.load(fromByteOffset: index &* 8, as: UInt64.self) : nil
    }
}

/// What the guest asked of the machine (`KVM_EXIT_SYSTEM_EVENT`).
public struct SystemEvent {
    /// The request.
    public enum Kind: Hashable, Sendable {
        /// Power off.
        case shutdown
        /// Start anew.
        case reset
        /// The guest's kernel crashed.
        case crash
        /// An interrupt woke a suspended guest.
        case wakeUp
        /// Suspend to memory.
        case suspend
        /// An SEV guest ends itself.
        case sevTermination
        /// A TDX guest ended fatally.
        case tdxFatal
        /// A number that this version does not know.
        case other(UInt32)

        init(_ number: UInt32) {
            switch number {
            case 1: self = .shutdown
            case 2: self = .reset
            case 3: self = .crash
            case 4: self = .wakeUp
            case 5: self = .suspend
            case 6: self = .sevTermination
            case 7: self = .tdxFatal
            default: self = .other(number)
            }
        }
    }

    /// The request.
    public let kind: Kind
    /// The architecture's details.
    public let data: ExitData

    init(page: UnsafeMutableRawPointer) {
        kind = Kind(page.payload(0))
        data = ExitData(page: page)
    }
}

/// KVM could not go on (`KVM_EXIT_INTERNAL_ERROR`).
public struct InternalError {
    /// What went wrong.
    public enum Kind: Hashable, Sendable {
        /// An instruction that KVM had to emulate and cannot.
        case emulation
        /// Two exceptions at once that the hardware rules out.
        case simultaneousExceptions
        /// A fault while an event was being delivered.
        case deliveryEvent
        /// The hardware stopped for a reason that KVM does not expect.
        case unexpectedExitReason
        /// A number that this version does not know.
        case other(UInt32)

        init(_ number: UInt32) {
            switch number {
            case 1: self = .emulation
            case 2: self = .simultaneousExceptions
            case 3: self = .deliveryEvent
            case 4: self = .unexpectedExitReason
            default: self = .other(number)
            }
        }
    }

    /// What went wrong.
    public let kind: Kind
    /// Details, for a report.
    public let data: ExitData
    private let page: UnsafeMutableRawPointer

    init(page: UnsafeMutableRawPointer) {
        self.page = page
        kind = Kind(page.payload(0))
        data = ExitData(page: page)
    }

    /// The bytes of the instruction that could not be emulated, if the kernel gave them.
    public var instructionBytes: UnsafeRawBufferPointer? {
        // Only with KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES, and if the words that hold them are counted.
        guard kind == .emulation, data.count >= 3, let flags = data[0], flags & 1 != 0 else { return nil }
        let count = min(Int(page.payload(16, UInt8.self)), 15)
        return UnsafeRawBufferPointer(start: page + (RunArea.Offset.payload + 17), count: count)
    }
}

/// A hypercall that user space answers (`KVM_EXIT_HYPERCALL`).
public struct Hypercall {
    private let page: UnsafeMutableRawPointer
    /// Which one.
    public let number: UInt64
    /// The kernel's flags; bit 0 says that the guest was in long mode.
    public let flags: UInt64

    init(page: UnsafeMutableRawPointer) {
        self.page = page
        number = page.payload(0)
        flags = page.payload(64)
    }

    /// An argument, or nil beyond the sixth.
    public func argument(_ index: Int) -> UInt64? {
        index >= 0 && index < 6 ? page.payload(8 + index * 8, UInt64.self) : nil
    }

    /// Gives the guest its result.
    public func answer(_ result: UInt64) {
        page.storeBytes(of: result, toByteOffset: RunArea.Offset.payload + 56, as: UInt64.self)
    }
}

/// A guest access that KVM has no memory for (`KVM_EXIT_MEMORY_FAULT`, Linux 6.8).
public struct MemoryFault: Equatable, Sendable {
    /// The guest physical address, aligned to the range.
    public let address: UInt64
    /// How many bytes are concerned.
    public let byteCount: UInt64
    /// Whether the guest meant private memory (`KVM_MEMORY_EXIT_FLAG_PRIVATE`).
    public let isPrivate: Bool
    /// The error that `KVM_RUN` gave: `EFAULT`, or `EHWPOISON` for a page with a hardware error.
    public let error: Errno?

    init(page: UnsafeMutableRawPointer, error: Errno?) {
        isPrivate = page.payload(0, UInt64.self) & (1 << 3) != 0
        address = page.payload(8)
        byteCount = page.payload(16)
        self.error = error
    }
}
