// SPDX-License-Identifier: Apache-2.0
internal import CNestResources
internal import Glibc
internal import NestSandbox
public import VMMSysUtil

/// The writable layer of a container: a new, empty ext4 file that takes as much of the disk as the guest writes.
///
/// It is a copy of a template that is made once, because `mkfs.ext4` costs more than the copy. The host never mounts,
/// checks or parses a disk that a guest has had.
public enum ScratchDisk {
    /// What the template is made with; a new list is a new template.
    ///
    /// No journal: the disk does not outlive its VM, so there is nothing to replay, and a journal would be 64 MiB of writes.
    /// No room to grow, nothing reserved for root, one superblock. The inode tables are holes, which read as zeros: said to
    /// be zero, neither mkfs nor the guest's kernel (`ext4lazyinit`) writes them. Metadata lies together at the start: few
    /// pieces to copy.
    static let options = [
        "-q", "-F", "-m", "0", "-b", "4096", "-O", "^has_journal,^resize_inode,sparse_super2", "-E",
        "nodiscard,assume_storage_prezeroed=1,packed_meta_blocks=1,num_backup_sb=0,root_owner=0:0", "-L", "scratch",
    ]
    /// Counted up when the options change.
    static let version = 1

    /// Where the disk of a name lies: known before it is made, so that whoever dies meanwhile leaves none behind unknown.
    public static func path(_ configuration: NestConfiguration, name: String) -> String {
        "\(configuration.scratchDirectory)/scratch-\(name)"
    }

    /// Makes a disk in place of any older one of that name. Only its owner, root, can open it; who boots a VM with it hands
    /// it on.
    /// - Returns: its path.
    @discardableResult
    public static func make(_ configuration: NestConfiguration, name: String) throws(ScratchDiskError) -> String {
        let directory = configuration.scratchDirectory
        let template = try openTemplate(configuration)
        let path = path(configuration, name: name)
        do throws(Errno) {
            try Directory.make(directory, mode: 0o700)
            unlink(path)
            let disk = try FileDescriptor.open(path, [.readWrite, .create, .exclusive, .noFollow])
            do throws(Errno) {
                try retryOnInterrupt { nest_copy_sparse(template.rawValue, disk.rawValue) }
            } catch {
                unlink(path)
                throw error
            }
            return path
        } catch {
            throw .make(directory: directory, error)
        }
    }

    /// Opens the template, which the first caller makes.
    private static func openTemplate(
        _ configuration: NestConfiguration
    ) throws(ScratchDiskError) -> FileDescriptor {
        let directory = configuration.scratchDirectory
        let path = "\(directory)/template-\(configuration.scratchMiB)-v\(version)"
        if let template = try? FileDescriptor.open(path, .noFollow) { return template }
        var failure: ScratchDiskError?
        do throws(Errno) {
            try Directory.make(directory, mode: 0o700)
            let lock = try FileDescriptor.open(directory + "/template.lock", [.readWrite, .create])
            try retryOnInterrupt { flock(lock.rawValue, LOCK_EX) }
            if let template = try? FileDescriptor.open(path, .noFollow) { return template }
            let partial = path + ".partial"
            unlink(partial)
            defer { unlink(partial) }
            guard let tool = HostTool.find("mkfs.ext4") else {
                failure = .noTool
                throw .noSuchFile
            }
            try FileDescriptor.open(partial, [.readWrite, .create, .exclusive, .noFollow])
                .setByteCount(configuration.scratchBytes)
            let byteCount = configuration.scratchBytes
            let outcome = try Launcher.shared.run("scratch-disk") { () -> Result<HostTool.Outcome, Errno> in
                do throws(Errno) {
                    return .success(
                        try HostTool.run([tool] + options + [partial], seconds: 60, fileBytes: byteCount))
                } catch { return .failure(error) }
            }.get()
            guard outcome.status == 0 else {
                failure = .tool(status: outcome.status, outcome.lastLine)
                throw .inputOutput
            }
            try retryOnInterrupt { rename(partial, path) }
            return try FileDescriptor.open(path, .noFollow)
        } catch {
            throw failure ?? .template(path: path, error)
        }
    }
}

/// Why there is no scratch disk.
public enum ScratchDiskError: Error, Equatable, Sendable {
    /// `mkfs.ext4` is missing.
    case noTool
    /// `mkfs.ext4` failed: its status and its last words.
    case tool(status: Int32, String)
    /// The template cannot be made.
    case template(path: String, Errno)
    /// The copy cannot be made.
    case make(directory: String, Errno)
}

extension ScratchDiskError: CustomStringConvertible {
    /// One line for the client.
    public var description: String {
        switch self {
        case .noTool: "cannot make a scratch disk: mkfs.ext4 is missing: apt-get install e2fsprogs"
        case .tool(let status, let text):
            "cannot make the template of scratch disks: mkfs.ext4 ended with \(status): \(text)"
        case .template(let path, let error): "cannot make the template of scratch disks \(path): \(error)"
        case .make(let directory, let error): "cannot make a scratch disk in \(directory): \(error)"
        }
    }
}
