// SPDX-License-Identifier: Apache-2.0
import SwiftletVMM
import VMMSysUtil

/// `--seccomp-filter` and `--no-seccomp`.
struct SandboxArguments: Equatable {
    var filterFile: String?
    var isOff = false

    /// Takes one of the two options.
    /// - Returns: false if it is another one.
    mutating func take(_ option: String, from options: inout OptionReader) throws(UsageError) -> Bool {
        switch option {
        case "--seccomp-filter": filterFile = try options.value()
        case "--no-seccomp": isOff = true
        default: return false
        }
        if isOff && filterFile != nil { throw UsageError("--no-seccomp and --seccomp-filter exclude each other") }
        return true
    }

    /// The filters that are asked for; nil for none.
    func sandbox() throws(SandboxFault) -> Sandbox? {
        guard let filterFile else { return isOff ? nil : .standard }
        let bytes: [UInt8]
        do throws(Errno) { bytes = try readWholeFile(filterFile) } catch { throw .unreadable(filterFile, error) }
        do throws(SandboxError) { return try Sandbox(file: bytes) } catch { throw .unusable(filterFile, error) }
    }
}

/// Why a file of filters cannot be used.
enum SandboxFault: Error, Equatable, CustomStringConvertible {
    case unreadable(String, Errno)
    case unusable(String, SandboxError)

    var description: String {
        switch self {
        case .unreadable(let path, let error): "cannot read the seccomp filters \(path): \(error)"
        case .unusable(let path, let error): "\(path): \(error)"
        }
    }
}
