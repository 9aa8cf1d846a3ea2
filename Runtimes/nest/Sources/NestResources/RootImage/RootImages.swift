// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import Synchronization
internal import VMMSysUtil

/// The read-only EROFS file of a container's root.
public final class RootImage: Sendable {
    /// The file. It stays while this value is held; a VM that has opened it needs it no longer.
    public let path: String
    /// Whether other containers use it too.
    public let isShared: Bool
    /// How many milliseconds it took to make; nil where it was in the cache.
    public let buildMilliseconds: Int?

    /// Shared lock: what is in use is not removed to make room.
    private let lock: Mutex<Int32>

    init(path: String, isShared: Bool, buildMilliseconds: Int?, lock: consuming FileDescriptor) {
        self.path = path
        self.isShared = isShared
        self.buildMilliseconds = buildMilliseconds
        self.lock = Mutex(lock.release())
    }

    deinit { release() }

    /// Gives it up: one that nobody shares is removed, others may go when room is needed.
    public func release() {
        lock.withLock { number in
            guard number >= 0 else { return }
            if !isShared { unlink(path) }
            close(number)
            number = -1
        }
    }
}

/// The cache of root images, shared by all pods of the host through its files:
///
/// * `KEY.erofs`: an image. Its modification time is its last use; a shared lock on it says that it is in use.
/// * `KEY.lock`: held while the image is made, so that a second one who wants it waits.
/// * `partial-…`, `private-…`: being made, and of one container only; locked by who needs them, removed by the next one who
///   looks if nobody does.
public final class RootImages: Sendable {
    private let configuration: NestConfiguration

    /// Uses the cache that the configuration names.
    public init(_ configuration: NestConfiguration) { self.configuration = configuration }

    /// Gives the image of a root, made now unless it is kept from an earlier time.
    /// - Parameters:
    ///   - mounts: what containerd's snapshotter handed over; empty where the root is a directory already.
    ///   - directory: that directory.
    ///   - log: told in a line what is made, and how long it took.
    public func image(
        for mounts: [RootMount], directory: String, log: @Sendable (String) -> Void = { _ in }
    ) throws(RootImageError) -> RootImage {
        let layers = try RootLayers(mounts, directory: directory)
        guard let builder = HostTool.find("mkfs.erofs") else { throw .noBuilder }
        let cache = try ImageCache(configuration)
        guard layers.areImmutable else {
            let begin = Deadline.now
            let new = try cache.build(layers, builder: builder, prefix: "private")
            let time = Int(clamping: begin.elapsed.milliseconds)
            log("made a root image of \(layers.directories[0]) for this container alone in \(time) ms")
            return RootImage(path: new.path, isShared: false, buildMilliseconds: time, lock: new.lock)
        }
        let key = try ImageKey(layers, builder: builder)
        if let lock = try cache.use(key) {
            return RootImage(path: cache.path(of: key), isShared: true, buildMilliseconds: nil, lock: lock)
        }
        return try make(key, layers, builder: builder, cache, log)
    }

    private func make(
        _ key: ImageKey, _ layers: RootLayers, builder: String, _ cache: ImageCache, _ log: @Sendable (String) -> Void
    ) throws(RootImageError) -> RootImage {
        let makerLock = try cache.lock(key)
        // Somebody may have made it while we waited for the lock.
        if let lock = try cache.use(key) {
            _ = consume makerLock
            return RootImage(path: cache.path(of: key), isShared: true, buildMilliseconds: nil, lock: lock)
        }
        let begin = Deadline.now
        let new = try cache.build(layers, builder: builder, prefix: "partial")
        let number = new.lock.rawValue
        do throws(Errno) {
            // On the disk before it has its name: after a power failure there is the whole image or none.
            try retryOnInterrupt { fdatasync(number) }
            try retryOnInterrupt { rename(new.path, cache.path(of: key)) }
        } catch {
            unlink(new.path)
            throw .file(operation: "store", path: cache.path(of: key), error)
        }
        let time = Int(clamping: begin.elapsed.milliseconds)
        log("made the root image of \(layers.directories.count) layers in \(time) ms")
        let removed = cache.trim()
        if removed > 0 { log("removed \(removed) root images that were not used for longest") }
        return RootImage(path: cache.path(of: key), isShared: true, buildMilliseconds: time, lock: new.lock)
    }
}
