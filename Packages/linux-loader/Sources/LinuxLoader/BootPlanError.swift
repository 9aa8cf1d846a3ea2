// SPDX-License-Identifier: Apache-2.0
public import VMMemory

/// Why a kernel, an initrd and a memory size do not go together.
public enum BootPlanError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Not a multiple of 4 KiB, zero, less than a PC needs, or past the address space.
    case memorySize(UInt64)
    /// A gap that is not aligned to 4 KiB.
    case memoryGap(GuestRange)
    /// More lines in the memory map than the boot protocol has room for.
    case tooManyMemoryRanges(Int, limit: Int)
    /// The plan is for another processor than the kernel.
    case architecture(Architecture)
    /// The kernel has no entry of the kind that was asked for.
    case noSuchEntry(BootOptions.Entry)
    /// A part would lie where the guest has no usable memory.
    case outsideMemory(BootPart, GuestRange)
    /// Two parts would lie in the same place.
    case overlap(BootPart, BootPart, at: GuestAddress)
    /// No free place for a part.
    case doesNotFit(BootPart, byteCount: UInt64, below: GuestAddress)
    /// The initrd has no bytes.
    case emptyInitrd
    /// The command line is malformed.
    case commandLine(CommandLineError)
    /// The command line is longer than this kernel reads.
    case commandLineTooLong(byteCount: Int, limit: Int)

    /// One line, lower case.
    public var description: String {
        switch self {
        case .memorySize(let size): "guest memory of \(size) bytes is not possible"
        case .memoryGap(let gap): "gap \(gap) in guest memory is not aligned to 4096"
        case .tooManyMemoryRanges(let count, let limit): "memory map has \(count) lines, allowed are \(limit)"
        case .architecture(let architecture): "kernel is for \(architecture)"
        case .noSuchEntry(let entry): "kernel has no \(entry) entry"
        case .outsideMemory(let part, let range): "guest memory is too small: \(part) needs \(range)"
        case .overlap(let part, let other, let address): "\(part) and \(other) overlap at \(address)"
        case .doesNotFit(let part, let byteCount, let end):
            "guest memory is too small: no place for \(part) of \(byteCount) bytes below \(end)"
        case .emptyInitrd: "initrd is empty"
        case .commandLine(let error): error.description
        case .commandLineTooLong(let byteCount, let limit):
            "command line has \(byteCount) bytes, the kernel reads \(limit)"
        }
    }
}

/// A thing that takes a place in guest memory.
public enum BootPart: String, Sendable, Hashable, CustomStringConvertible {
    case kernel = "kernel"
    case initrd = "initrd"
    case commandLine = "command line"
    case zeroPage = "zero page"
    case startInfo = "PVH start info"
    case memoryMap = "PVH memory map"
    case moduleList = "PVH module list"
    case deviceTree = "device tree"
    case reserved = "reserved range"

    /// The name as it stands in messages.
    public var description: String { rawValue }
}
