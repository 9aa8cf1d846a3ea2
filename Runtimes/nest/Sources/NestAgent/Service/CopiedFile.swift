// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import NestProtocols
internal import VMMSysUtil

/// A file that the host uploads in pieces, in order; it has its name when the last is there.
struct CopiedFile {
    private static let maximumByteCount: Int64 = 1 << 30

    private let path: String
    /// The path's parts below the root: directories and the name.
    let names: [String]
    private let isDirectory: Bool
    private let uid: uid_t
    private let gid: gid_t
    private let directoryMode: mode_t
    private let mode: mode_t
    private let offset: Int64
    private let isLast: Bool
    private let bytes: [UInt8]

    /// Checks a piece; nothing is done yet.
    init(_ request: AgentCopyFileRequest) throws(AgentError) {
        guard let place = RunPath(request.path) else {
            throw .invalid("'\(request.path)' is not below \(RunPath.root)")
        }
        let kind = request.fileMode & UInt32(S_IFMT)
        guard kind == 0 || kind == UInt32(S_IFREG) || kind == UInt32(S_IFDIR) else {
            throw .invalid("only files and directories are copied")
        }
        let (end, overflow) = request.offset.addingReportingOverflow(Int64(request.data.count))
        guard request.offset >= 0, request.fileSize >= 0, request.fileSize <= Self.maximumByteCount, !overflow,
            end <= request.fileSize || kind == UInt32(S_IFDIR)
        else { throw .invalid("bytes \(request.offset) and on of a file of \(request.fileSize)") }
        guard let uid = uid_t(exactly: request.uid), let gid = gid_t(exactly: request.gid) else {
            throw .invalid("owner \(request.uid):\(request.gid)")
        }
        path = request.path
        names = place.names
        isDirectory = kind == UInt32(S_IFDIR)
        self.uid = uid
        self.gid = gid
        let wanted = mode_t(request.dirMode & 0o7777)
        directoryMode = wanted == 0 ? 0o755 : wanted
        mode = mode_t(request.fileMode & 0o7777)
        offset = request.offset
        isLast = end == request.fileSize
        bytes = [UInt8](request.data)
    }

    /// Writes the piece.
    func write() throws(AgentError) {
        let directory = try openDirectory()
        let name = names.last ?? ""
        if isDirectory {
            if mkdirat(directory.rawValue, name, 0o755) < 0, errno != EEXIST {
                throw .system(operation: "make the directory", subject: path, .last)
            }
            return try settle(try Self.open(directory, name, O_RDONLY | O_DIRECTORY, path))
        }
        let partial = ".\(name).partial"
        if offset == 0 { unlinkat(directory.rawValue, partial, 0) }
        let file = try Self.open(directory, partial, O_WRONLY | O_CREAT, path)
        try write(to: file)
        guard isLast else { return }
        try settle(file)
        try system("rename", path) { renameat(directory.rawValue, partial, directory.rawValue, name) }
    }

    private func write(to file: borrowing FileDescriptor) throws(AgentError) {
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

    private func settle(_ file: borrowing FileDescriptor) throws(AgentError) {
        let number = file.rawValue
        try system("give away", path) { fchown(number, uid, gid) }
        try system("set the mode of", path) { fchmod(number, mode) }
    }

    /// Opens a directory below the root step by step, so that no link leads out of it; makes what is missing.
    private func openDirectory() throws(AgentError) -> FileDescriptor {
        var directory: FileDescriptor
        do throws(Errno) { directory = try FileDescriptor.open(RunPath.root, .directory) } catch {
            throw .system(operation: "open", subject: RunPath.root, error)
        }
        for name in names.dropLast() {
            mkdirat(directory.rawValue, name, directoryMode)
            directory = try Self.open(directory, name, O_RDONLY | O_DIRECTORY, name)
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
