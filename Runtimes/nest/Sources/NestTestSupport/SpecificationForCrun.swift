// SPDX-License-Identifier: Apache-2.0
internal import NestProtocols
internal import SwiftProtobuf

/// Reads a text for crun, which must be JSON of that message.
func parsed<Content: Message>(_ text: [UInt8], as type: Content.Type) -> Content {
    do { return try Content(jsonUTF8Bytes: text) } catch {
        finding("\(error): \(String(decoding: text, as: UTF8.self))")
    }
}

/// A `config.json` for crun must say what the specification says: no text in it may become a member.
/// - Returns: its length.
func checkSpecification(_ text: [UInt8], says specification: OCISpec) -> Int {
    let result = parsed(text, as: OCISpec.self)
    if specification.hasProcess { checkProcess(result.process, says: specification.process) }
    guard result.hostname == specification.hostname, result.annotations == specification.annotations,
        result.linux.maskedPaths == specification.linux.maskedPaths,
        result.linux.readonlyPaths == specification.linux.readonlyPaths,
        result.linux.sysctl == specification.linux.sysctl
    else { finding("another specification: \(String(decoding: text, as: UTF8.self))") }
    let namespaces = specification.linux.namespaces
    guard result.linux.namespaces.map(\.type) == namespaces.map(\.type),
        result.linux.namespaces.map(\.path) == namespaces.map(\.path)
    else { finding("other namespaces") }
    guard result.mounts.map(\.destination) == specification.mounts.map(\.destination),
        result.mounts.map(\.options) == specification.mounts.map(\.options)
    else { finding("other mounts") }
    checkFilter(result.linux.seccomp, says: specification.linux.seccomp)
    return text.count
}

/// The same for a process.
func checkProcess(_ result: OCIProcess, says process: OCIProcess) {
    guard result.args == process.args, result.env == process.env, result.terminal == process.terminal,
        result.cwd == (process.cwd.isEmpty ? "/" : process.cwd), result.user.uid == process.user.uid,
        result.user.gid == process.user.gid, result.user.additionalGids == process.user.additionalGids,
        result.capabilities.bounding == process.capabilities.bounding,
        result.capabilities.effective == process.capabilities.effective,
        result.noNewPrivileges == process.noNewPrivileges, result.rlimits.map(\.hard) == process.rlimits.map(\.hard)
    else { finding("another process: \(result)") }
}

private func checkFilter(_ result: OCILinuxSeccomp, says filter: OCILinuxSeccomp) {
    guard result.defaultAction == filter.defaultAction, result.syscalls.map(\.names) == filter.syscalls.map(\.names),
        result.syscalls.map(\.action) == filter.syscalls.map(\.action)
    else { finding("another seccomp filter") }
    for (own, other) in zip(result.syscalls, filter.syscalls) {
        guard own.args.map(\.value) == other.args.map(\.value), own.args.map(\.op) == other.args.map(\.op) else {
            finding("other arguments of system calls")
        }
    }
}
