// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import NestProtocols
internal import VMMSysUtil

/// A file that the host uploads in pieces, in order; it has its name when the last is there.
enum CopiedFile {
    private static let root = "/run"
    private static let maximumByteCount: Int64 = 1 << 30

    static func write(_ request: AgentCopyFileRequest) throws(AgentError) {
        let parts = request.path.split(separator: "/", omittingEmptySubsequences: false)
        guard request.path.utf8.count < 1024, parts.count > 2, "/\(parts[1])" == root, parts[0] == "",
            parts.dropFirst(2).allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." }), !request.path.utf8.contains(0)
        else { throw .invalid("'\(request.path)' is not below \(root)") }
        let kind = request.fileMode & UInt32(S_IFMT)
        guard kind == 0 || kind == UInt32(S_IFREG) || kind == UInt32(S_IFDIR) else {
            throw .invalid("only files and directories are copied")
        }
        let (end, overflow) = request.offset.addingReportingOverflow(Int64(request.data.count))
        guard request.offset >= 0, request.fileSize >= 0, request.fileSize <= maximumByteCount, !overflow,
            end <= request.fileSize || kind == UInt32(S_IFDIR)
        else { throw .invalid("bytes \(request.offset) and on of a file of \(request.fileSize)") }
        guard let uid = uid_t(exactly: request.uid), let gid = gid_t(exactly: request.gid) else {
            throw .invalid("owner \(request.uid):\(request.gid)")
        }
        let names = parts.dropFirst(2).map(String.init)
        let mode = mode_t(request.dirMode & 0o7777)
        let directory = try openDirectory(names.dropLast(), mode: mode == 0 ? 0o755 : mode)
        let name = names.last ?? ""
        if kind == UInt32(S_IFDIR) {
            if mkdirat(directory.rawValue, name, 0o755) < 0, errno != EEXIST {
                throw .system(operation: "make the directory", subject: request.path, .last)
            }
            let made = try open(directory, name, O_RDONLY | O_DIRECTORY, request.path)
            return try settle(made, uid, gid, mode_t(request.fileMode & 0o7777), request.path)
        }
        let partial = ".\(name).partial"
        if request.offset == 0 { unlinkat(directory.rawValue, partial, 0) }
        let file = try open(directory, partial, O_WRONLY | O_CREAT, request.path)
        try write([UInt8](request.data), to: file, at: UInt64(request.offset), request.path)
        guard end == request.fileSize else { return }
        try settle(file, uid, gid, mode_t(request.fileMode & 0o7777), request.path)
        try system("rename", request.path) { renameat(directory.rawValue, partial, directory.rawValue, name) }
    }

    private static func write(
        _ bytes: [UInt8], to file: borrowing FileDescriptor, at offset: UInt64, _ path: String
    ) throws(AgentError) {
        let number = file.rawValue
        var done = 0
        while done < bytes.count {
            let start = done
            done += try system("write", path) {
                bytes.withUnsafeBytes {
                    pwrite(
                        number, $0.baseAddress.map { $0 + start }, bytes.count - start, off_t(offset) + off_t(start))
                }
            }
        }
    }

    private static func settle(
        _ file: borrowing FileDescriptor, _ uid: uid_t, _ gid: gid_t, _ mode: mode_t, _ path: String
    ) throws(AgentError) {
        let number = file.rawValue
        try system("give away", path) { fchown(number, uid, gid) }
        try system("set the mode of", path) { fchmod(number, mode) }
    }

    /// Opens a directory below the root step by step, so that no link leads out of it; makes what is missing.
    private static func openDirectory(_ names: some Collection<String>, mode: mode_t) throws(AgentError)
        -> FileDescriptor
    {
        var directory: FileDescriptor
        do throws(Errno) { directory = try FileDescriptor.open(root, .directory) } catch {
            throw .system(operation: "open", subject: root, error)
        }
        for name in names {
            mkdirat(directory.rawValue, name, mode)
            directory = try open(directory, name, O_RDONLY | O_DIRECTORY, name)
        }
        return directory
    }

    private static func open(
        _ directory: borrowing FileDescriptor, _ name: String, _ flags: Int32, _ path: String
    ) throws(AgentError) -> FileDescriptor {
        let number = directory.rawValue
        return FileDescriptor(
            owning: try system("open", path) { openat(number, name, flags | O_NOFOLLOW | O_CLOEXEC, 0o600) })
    }
}
