// SPDX-License-Identifier: Apache-2.0
internal import CNestResources
internal import Glibc
internal import NestSandbox
internal import Synchronization
internal import VMMSysUtil

/// One run of `mkfs.erofs` over the union of a root's layers.
///
/// It happens on a thread with a mount namespace of its own: the layers are bound to short names (the options of a mount
/// are one page, and a hundred layers' paths are more) and put together read-only there. With the thread goes the namespace,
/// so nothing of it is ever in the host's mount table, whatever ends the process.
final class ImageBuild: Sendable {
    private let layers: RootLayers
    private let builder: String
    private let configuration: NestConfiguration
    private let target: String
    private let result = Mutex<RootImageError?>(nil)

    /// - Parameter target: where the image goes; nothing may be there.
    init(_ layers: RootLayers, builder: String, configuration: NestConfiguration, target: String) {
        self.layers = layers
        self.builder = builder
        self.configuration = configuration
        self.target = target
    }

    /// Runs it. On failure nothing is left at the target.
    func run() throws(RootImageError) {
        do throws(Errno) {
            try Launcher.shared.run("image-build", stackByteCount: nil, blockedSignals: .all) { [self] in
                do throws(RootImageError) { try build() } catch { result.withLock { $0 = error } }
            }
        } catch {
            throw .file(operation: "start a thread to make", path: target, error)
        }
        if let error = result.withLock({ $0 }) {
            unlink(target)
            throw error
        }
    }

    private func build() throws(RootImageError) {
        let deadline = Deadline(after: .seconds(configuration.imageBuildSeconds))
        let root = try union()
        var walk = TreeWalk(
            byteLimit: configuration.imageBuildBytes, fileLimit: configuration.imageBuildFiles, deadline: deadline)
        do throws(TreeWalk.Excess) { try walk.count(root) } catch {
            switch error {
            case .bytes: throw .tooManyBytes(limitMiB: configuration.imageBuildMiB)
            case .files: throw .tooManyFiles(limit: configuration.imageBuildFiles)
            case .time: throw .tooSlow(limitSeconds: configuration.imageBuildSeconds)
            case .name: throw .longName
            case .failed(let error): throw .file(operation: "read", path: layers.directories[0], error)
            }
        }
        try make(of: root, within: max(1, Int(deadline.remainingNanoseconds / 1_000_000_000)))
    }

    private func make(of root: String, within seconds: Int) throws(RootImageError) {
        // Metadata, and files that do not compress, come on top of what the files hold.
        let limit = configuration.imageBuildBytes.addingReportingOverflow(
            UInt64(clamping: configuration.imageBuildFiles) * 512 + 64 << 20
        ).partialValue
        let outcome: HostTool.Outcome
        do throws(Errno) {
            outcome = try HostTool.run(
                [builder, "--quiet", "-zlz4", target, root], seconds: seconds,
                fileBytes: min(limit, UInt64(Int64.max)))
        } catch {
            throw .file(operation: "run", path: builder, error)
        }
        if outcome.wasTooSlow { throw .tooSlow(limitSeconds: configuration.imageBuildSeconds) }
        if outcome.status == 128 + SIGXFSZ { throw .tooManyBytes(limitMiB: configuration.imageBuildMiB) }
        if outcome.status != 0 && isFull(configuration.imageCacheDirectory) {
            throw .noSpace(directory: configuration.imageCacheDirectory)
        }
        guard outcome.status == 0 else { throw .builder(status: outcome.status, outcome.lastLine) }
    }

    /// Whether a disk has no room left, while the failed image still takes it: `mkfs.erofs` 1.5 reports that as "Bad address".
    private func isFull(_ directory: String) -> Bool {
        var status = statvfs()
        guard statvfs(directory, &status) == 0 else { return false }
        return UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize)).partialValue < 1 << 20
    }

    /// Mounts what the container would see, where only this thread sees it.
    /// - Returns: the directory.
    private func union() throws(RootImageError) -> String {
        let place = configuration.imageCacheDirectory + "/.mount"
        let root = place + "/root"
        guard nest_private_mounts() == 0 else { throw .mount("in a namespace of its own", .last) }
        guard mkdir(place, 0o700) == 0 || Glibc.errno == EEXIST, nest_mount_tmpfs(place) == 0, mkdir(root, 0o700) == 0
        else { throw .mount("a tmpfs", .last) }
        if layers.directories.count == 1 {
            guard nest_mount_bind_read_only(layers.directories[0], root) == 0 else {
                throw .mount(layers.directories[0], .last)
            }
            return root
        }
        // The working directory is this thread's own since its namespace is.
        guard chdir(place) == 0 else { throw .mount("a tmpfs", .last) }
        for (index, directory) in layers.directories.enumerated() {
            guard mkdir("\(index)", 0o700) == 0, nest_mount_bind_read_only(directory, "\(index)") == 0 else {
                throw .mount(directory, .last)
            }
        }
        let names = layers.directories.indices.map { String($0) }.joined(separator: ":")
        let options = (["lowerdir=" + names] + layers.overlayOptions).joined(separator: ",")
        guard nest_mount_overlay_read_only(root, options) == 0 else {
            throw .mount("an overlay of \(layers.directories.count) layers", .last)
        }
        return root
    }
}
