// SPDX-License-Identifier: Apache-2.0
internal import CNestJail
internal import Glibc
internal import VMMSysUtil

/// The start of the VMM in its jail; what C needs for it, in one place.
struct Jail: ~Copyable, Sendable {
    let root: String
    let user: UInt32
    let files: [VMMConfiguration.File]
    let config: String
    let cgroupFiles: [String]
    let program: FileDescriptor
    let programPath: String
    let arguments: [String]
    let output: FileDescriptor
    let error: FileDescriptor
    let input: FileDescriptor
    let fileBytes: UInt64
    let threads: UInt32

    /// Descriptors of a VMM: a thousand connections of the guest, and its own.
    static let descriptorLimit: UInt32 = 2048

    /// Directories of the root that hold files.
    private static let directories = ["drives"]

    /// Starts it as a child of the calling thread, with whose end it is killed.
    /// - Returns: its process id.
    func start() throws(HypervisorError) -> Int32 {
        let strings = CStrings()
        let directoryList = strings.list(Self.directories)
        let cgroupList = strings.list(cgroupFiles)
        let argumentList = strings.list(arguments)
        let fileList = files.map {
            nest_jail_file(
                source: strings.copy($0.source), target: strings.copy($0.target), is_writable: $0.isWritable ? 1 : 0)
        }
        let config = strings.copy(self.config)
        var failure = nest_jail_failure()
        let pid = fileList.withUnsafeBufferPointer { files in
            directoryList.withUnsafeBufferPointer { directories in
                cgroupList.withUnsafeBufferPointer { cgroups in
                    argumentList.withUnsafeBufferPointer { arguments in
                        var jail = nest_jail()
                        jail.root = UnsafePointer(strings.copy(root))
                        jail.user = user
                        jail.directories = Self.constants(directories)
                        jail.files = files.baseAddress
                        jail.file_count = files.count
                        jail.config = UnsafePointer(config)
                        jail.config_length = self.config.utf8.count
                        jail.cgroups = Self.constants(cgroups)
                        jail.program = program.rawValue
                        jail.arguments = arguments.baseAddress
                        jail.input = input.rawValue
                        jail.output = output.rawValue
                        jail.error = error.rawValue
                        jail.file_bytes = fileBytes
                        jail.descriptors = Self.descriptorLimit
                        jail.threads = threads
                        return nest_jail_start(&jail, &failure)
                    }
                }
            }
        }
        guard pid > 0 else { throw explain(failure) }
        return pid
    }

    private static func constants(
        _ pointers: UnsafeBufferPointer<UnsafeMutablePointer<CChar>?>
    ) -> UnsafePointer<UnsafePointer<CChar>?>? {
        UnsafeRawPointer(pointers.baseAddress)?.assumingMemoryBound(to: UnsafePointer<CChar>?.self)
    }

    private func explain(_ failure: nest_jail_failure) -> HypervisorError {
        let steps = JailStep.allCases
        let index = Int(failure.step) - Int(NEST_JAIL_CLONE.rawValue)
        let step = steps.indices.contains(index) ? steps[index] : .clone
        let item = Int(failure.index)
        let subject =
            switch step {
            case .file: files.indices.contains(item) ? files[item].source : ""
            case .execute: programPath
            default: ""
            }
        return .jail(step: step, subject: subject, Errno(rawValue: failure.error))
    }
}

/// Texts for C, which live as long as this value.
private final class CStrings {
    private var pointers: [UnsafeMutablePointer<CChar>] = []

    deinit { for pointer in pointers { free(pointer) } }

    func copy(_ text: String) -> UnsafeMutablePointer<CChar>? {
        guard let pointer = strdup(text) else { return nil }
        pointers.append(pointer)
        return pointer
    }

    /// With the nil that ends it.
    func list(_ texts: [String]) -> [UnsafeMutablePointer<CChar>?] { texts.map { copy($0) } + [nil] }
}
