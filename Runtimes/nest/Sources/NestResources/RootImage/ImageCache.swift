// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import VMMSysUtil

/// An image that has not its final name yet.
struct NewImage: ~Copyable {
    let path: String
    /// Keeps others from taking it for left over.
    let lock: FileDescriptor
}

/// The files of the image cache; see `RootImages` for their names.
struct ImageCache {
    private let directory: String
    private let configuration: NestConfiguration

    /// Makes the directory if it is missing. VMMs get their images by a bind mount, so only root needs to pass it.
    init(_ configuration: NestConfiguration) throws(RootImageError) {
        self.configuration = configuration
        directory = configuration.imageCacheDirectory
        do throws(Errno) { try Directory.make(directory, mode: 0o711) } catch {
            throw .file(operation: "make", path: directory, error)
        }
    }

    /// Where an image is, or will be.
    func path(of key: ImageKey) -> String { "\(directory)/\(key.name).erofs" }

    /// Takes an image into use.
    /// - Returns: its lock; nil where there is none.
    func use(_ key: ImageKey) throws(RootImageError) -> FileDescriptor? {
        let path = path(of: key)
        do throws(Errno) {
            for _ in 0..<16 {
                let file: FileDescriptor
                do throws(Errno) { file = try FileDescriptor.open(path, .noFollow) } catch {
                    if error == .noSuchFile { return nil }
                    throw error
                }
                // Held exclusively only by who is about to remove it; then it has lost its name in a moment.
                if try FileLock.tryShared(file), try file.linkCount() > 0 {
                    _ = futimens(file.rawValue, nil)
                    return file
                }
                Thread.sleep(for: .milliseconds(1))
            }
            return nil
        } catch {
            throw .file(operation: "open", path: path, error)
        }
    }

    /// Waits for the right to make an image; it ends with the descriptor.
    func lock(_ key: ImageKey) throws(RootImageError) -> FileDescriptor {
        let path = "\(directory)/\(key.name).lock"
        // Whoever has it is done or killed within the limit.
        let deadline = Deadline(after: .seconds(configuration.imageBuildSeconds + 30))
        do throws(Errno) {
            while !deadline.hasPassed {
                let file = try FileDescriptor.open(path, [.readWrite, .create, .noFollow])
                if try FileLock.tryExclusive(file) {
                    // A file that was removed while we waited locks nobody out.
                    if try file.linkCount() > 0 { return file }
                } else {
                    Thread.sleep(for: .milliseconds(20))
                }
            }
        } catch {
            throw .file(operation: "lock", path: path, error)
        }
        throw .tooSlow(limitSeconds: configuration.imageBuildSeconds + 30)
    }

    /// Makes an image under a name that nobody looks for.
    func build(
        _ layers: RootLayers, builder: String, prefix: String
    ) throws(RootImageError) -> NewImage {
        removeLeftovers()
        var template = Array("\(directory)/\(prefix)-XXXXXX".utf8CString)
        let number = mkstemp(&template)
        guard number >= 0 else { throw .file(operation: "make a file in", path: directory, .last) }
        let file = FileDescriptor(owning: number)
        let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        do throws(RootImageError) {
            do throws(Errno) {
                try file.setCloseOnExec(true)
                guard try FileLock.tryShared(file) else { throw .busy }
            } catch {
                throw .file(operation: "lock", path: path, error)
            }
            let build = ImageBuild(layers, builder: builder, configuration: configuration, target: path)
            do throws(RootImageError) { try build.run() } catch {
                guard case .noSpace = error, trim(to: 0) > 0 else { throw error }
                // Its room too: the file lives on without a name while it is open here.
                try? file.setByteCount(0)
                // Kept images made the disk full: once more without them. The file was removed, with its lock.
                return try self.build(layers, builder: builder, prefix: prefix)
            }
            // The VMM's user reads it through a bind mount.
            guard fchmod(number, 0o444) == 0 else { throw .file(operation: "set the mode of", path: path, .last) }
        } catch {
            unlink(path)
            throw error
        }
        return NewImage(path: path, lock: file)
    }

    /// Removes images that are not in use, the least recently used first, until the others fit.
    /// - Returns: how many went.
    @discardableResult
    func trim(to limit: UInt64? = nil) -> Int {
        let limit = limit ?? configuration.imageCacheBytes
        var images = Directory.names(in: directory).filter { $0.hasSuffix(".erofs") }.compactMap {
            Entry("\(directory)/\($0)")
        }
        var total = images.reduce(UInt64(0)) { $0 + $1.bytes }
        images.sort { ($0.seconds, $0.nanoseconds) < ($1.seconds, $1.nanoseconds) }
        var removed = 0
        for image in images where total > limit {
            guard let file = try? FileDescriptor.open(image.path, .noFollow) else { continue }
            guard (try? FileLock.tryExclusive(file)) == true, unlink(image.path) == 0 else { continue }
            total -= image.bytes
            removed += 1
            removeLock(of: image.path)
        }
        return removed
    }

    private func removeLock(of image: String) {
        let path = image.dropLast(".erofs".count) + ".lock"
        guard let file = try? FileDescriptor.open(String(path), .readWrite) else { return }
        if (try? FileLock.tryExclusive(file)) == true { unlink(String(path)) }
    }

    /// Removes what a killed process left half made.
    private func removeLeftovers() {
        for name in Directory.names(in: directory) where name.hasPrefix("partial-") || name.hasPrefix("private-") {
            let path = "\(directory)/\(name)"
            guard let file = try? FileDescriptor.open(path, .noFollow) else { continue }
            // One that was made this minute may not be locked yet.
            guard let entry = Entry(path), entry.ageSeconds > 60 else { continue }
            if (try? FileLock.tryExclusive(file)) == true { unlink(path) }
        }
    }

    private struct Entry {
        let path: String
        let bytes: UInt64
        let seconds: Int
        let nanoseconds: Int

        init?(_ path: String) {
            var status = stat()
            guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
            self.path = path
            bytes = UInt64(clamping: status.st_blocks) * 512
            seconds = status.st_mtim.tv_sec
            nanoseconds = status.st_mtim.tv_nsec
        }

        var ageSeconds: Int {
            // Not time(2), which is a system call in a static program: no filter of the shim's has it.
            var now = timespec()
            clock_gettime(CLOCK_REALTIME, &now)
            return now.tv_sec - seconds
        }
    }
}

extension FileDescriptor {
    /// How many names the file has.
    fileprivate borrowing func linkCount() throws(Errno) -> UInt {
        let number = rawValue
        var status = stat()
        try retryOnInterrupt { fstat(number, &status) }
        return UInt(status.st_nlink)
    }
}
