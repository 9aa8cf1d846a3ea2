// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import SeccompilerCommand

/// Writes all of it, or as much as the other side takes.
func put(_ text: String, to descriptor: Int32) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
        let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        guard count > 0 else { return }
        rest = rest.dropFirst(count)
    }
}

let result = Command.run(Array(CommandLine.arguments.dropFirst()))
put(result.output, to: STDOUT_FILENO)
put(result.errors, to: STDERR_FILENO)
exit(result.status)
