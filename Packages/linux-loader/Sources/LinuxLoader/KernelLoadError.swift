// SPDX-License-Identifier: Apache-2.0
public import VMMemory

/// Why a planned boot could not be written to guest memory.
public enum KernelLoadError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Guest memory or the file refused; the part that was being written.
    case memory(BootPart, GuestMemoryError)
    /// The kernel's file changed or could not be read.
    case image(KernelImageError)
    /// The plan was made for another kernel or initrd.
    case planMismatch
    /// The relocation table does not consist of two or three groups.
    case malformedRelocations
    /// A relocation names a place that is not part of the loaded kernel.
    case relocationOutsideKernel(UInt64)

    /// One line, lower case, cause last.
    public var description: String {
        switch self {
        case .memory(let part, let error): "cannot load \(part): \(error)"
        case .image(let error): error.description
        case .planMismatch: "cannot load kernel: the plan was made for another file"
        case .malformedRelocations: "cannot relocate kernel: its relocation table is malformed"
        case .relocationOutsideKernel(let address):
            "cannot relocate kernel: \(hex(address)) is not inside what was loaded"
        }
    }

    static func wrap<Result>(
        _ part: BootPart, _ body: () throws(GuestMemoryError) -> Result
    ) throws(KernelLoadError) -> Result {
        do throws(GuestMemoryError) { return try body() } catch { throw .memory(part, error) }
    }
}
