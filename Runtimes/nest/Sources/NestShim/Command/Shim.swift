// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import NestProtocols
internal import SwiftProtobuf
internal import VMMSysUtil

/// The program `containerd-shim-nest-v2`.
public enum Shim {
    /// Runs the command line's action.
    ///
    /// containerd reads standard output and standard error together as the answer of `start`: on success nothing but the
    /// answer is written.
    /// - Returns: the exit status.
    public static func run(_ words: [String]) -> Int32 {
        do {
            let arguments = try ShimArguments(Array(words.dropFirst()))
            switch arguments.action {
            case .version: try write(Array(InfoAction.versionText.utf8))
            case .info: try write(InfoAction.run(options: Bootstrap.standardInput()))
            case .start:
                let action = StartAction(
                    arguments: arguments, bundle: workingDirectory, standardInput: Bootstrap.standardInput(),
                    environment: Spawn.environment)
                try write(Array(try action.run().utf8))
            case .delete:
                let bundle = arguments.bundle.isEmpty ? workingDirectory : arguments.bundle
                try write(DeleteAction(arguments: arguments, bundle: bundle).run())
            case .serve: try Server(arguments: arguments, backend: { HostBackend(log: $0) }).run()
            }
            return 0
        } catch {
            try? write(Array("containerd-shim-nest-v2: \(error)\n".utf8), to: 2)
            return 1
        }
    }

    private static func write(_ bytes: [UInt8], to number: Int32 = 1) throws(Errno) {
        let copy = fcntl(number, F_DUPFD_CLOEXEC, 3)
        guard copy >= 0 else { throw .last }
        try Files.write(bytes, to: FileDescriptor(owning: copy))
    }

    private static var workingDirectory: String {
        guard let text = getcwd(nil, 0) else { return "." }
        defer { free(text) }
        return String(cString: text)
    }
}
