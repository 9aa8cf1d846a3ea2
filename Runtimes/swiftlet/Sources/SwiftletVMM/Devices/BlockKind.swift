// SPDX-License-Identifier: Apache-2.0
internal import SeccompilerBPF
internal import VMMSysUtil
internal import VirtioDevices

/// Drives: files and block devices of the host, as the guest's `/dev/vda` and on.
enum BlockKind: DeviceKind {
    static let name = "drives"
    static let faultPrefix = "Drive config error"
    static let isKeyed = true
    static let filters = [FilterPiece.drives]
    static let changeFilters = [FilterPiece.drivesPatch]

    static func filters(of config: BlockConfig) -> [FilterPiece] { config.ioEngine == .async ? [.drivesAsync] : [] }

    static func id(of config: BlockConfig) -> String { config.driveID }
    static func id(of change: BlockChange) -> String { change.driveID }

    /// The root is `/dev/vda`; the others follow in the order in which they came.
    static func position(
        of config: BlockConfig, among others: [BlockConfig], former: Int?
    ) throws(ConfigError) -> Int {
        guard config.isRootDevice else { return former ?? others.count }
        if others.contains(where: \.isRootDevice) {
            throw .device(prefix: faultPrefix, "A root block device already exists!")
        }
        return 0
    }

    static func make(_ config: BlockConfig, _ notice: (String) -> Void) throws(ConfigError) -> BlockDevice {
        let file = try disk(config.pathOnHost, isReadOnly: config.isReadOnly)
        return BlockDevice(
            disk: config.ioEngine == .async ? ring(file, of: config, notice) : file,
            options: BlockOptions(
                identifier: config.driveID, cache: config.cacheType == .writeback ? .writeBack : .unsafe,
                isReadOnly: config.isReadOnly),
            throttle: try Throttle.make(config.rateLimiter, prefix: faultPrefix))
    }

    /// The ring is made here because the thread's filter will not let it: a thread that can make rings can have the
    /// kernel open files past any filter.
    private static func ring(_ file: FileDisk, of config: BlockConfig, _ notice: (String) -> Void) -> any Disk {
        do throws(IOUringError) { return try RingDisk(file) } catch {
            notice("drive \(config.driveID): \(error); it does one request after the other, as with Sync")
            return file
        }
    }

    /// Puts another file in, or the same one again after it grew. Requests that were begun end on the old one.
    /// The ring of an asynchronous drive goes with its file, and another cannot be made any more: it is synchronous from
    /// then on. Limits apply at once, also to requests that wait.
    static func apply(
        _ change: BlockChange, to device: BlockDevice, _ config: inout BlockConfig
    ) throws(ConfigError) {
        if let path = change.pathOnHost {
            device.replaceDisk(try disk(path, isReadOnly: config.isReadOnly))
            config.pathOnHost = path
            config.ioEngine = .sync
        }
        if let limits = change.rateLimiter {
            device.throttle?.apply(limits)
            config.rateLimiter = config.rateLimiter?.changed(by: limits) ?? limits
        }
    }

    static func bootArguments(of config: BlockConfig) -> String? {
        guard config.isRootDevice else { return nil }
        let device = config.partUUID.map { "PARTUUID=\($0)" } ?? "/dev/vda"
        return "root=\(device) \(config.isReadOnly ? "ro" : "rw")"
    }

    private static func disk(_ path: String, isReadOnly: Bool) throws(ConfigError) -> FileDisk {
        do throws(MachineError) {
            let file = try openFile(path, role: "drive", flags: isReadOnly ? .readOnly : .readWrite)
            do throws(Errno) { return try FileDisk(adopting: file, isReadOnly: isReadOnly) } catch {
                throw .file(role: "drive", path: path, error)
            }
        } catch {
            throw .host(prefix: faultPrefix, error)
        }
    }
}

/// `PUT /drives/{id}`.
struct BlockConfig: JSONRecord {
    enum CacheType: String, CaseIterable, Sendable {
        case unsafe = "Unsafe"
        case writeback = "Writeback"
    }

    enum IOEngine: String, CaseIterable, Sendable {
        case sync = "Sync"
        case async = "Async"
    }

    var driveID: String
    var partUUID: String?
    var isRootDevice = false
    var cacheType = CacheType.unsafe
    var isReadOnly = false
    var pathOnHost: String
    var rateLimiter: RateLimiterConfig?
    var ioEngine = IOEngine.sync

    /// A drive of `swiftlet run`.
    init(_ drive: DriveConfig, index: Int) {
        driveID = "drive\(index)"
        pathOnHost = drive.path
        isReadOnly = drive.isReadOnly
        cacheType = .writeback
    }

    init(from fields: inout JSONFields) throws(JSONFault) {
        driveID = try fields.requiredString("drive_id")
        partUUID = try fields.string("partuuid")
        isRootDevice = try fields.requiredBool("is_root_device")
        cacheType = try fields.word("cache_type", as: CacheType.self) ?? .unsafe
        isReadOnly = try fields.bool("is_read_only") ?? false
        try fields.refuse("socket")
        pathOnHost = try fields.requiredString("path_on_host")
        rateLimiter = try fields.record("rate_limiter", as: RateLimiterConfig.self)
        ioEngine = try fields.word("io_engine", as: IOEngine.self) ?? .sync
    }

    var json: JSONValue {
        .object([
            .init("drive_id", .string(driveID)), .init("partuuid", JSONValue(partUUID)),
            .init("is_root_device", .bool(isRootDevice)), .init("cache_type", .string(cacheType.rawValue)),
            .init("is_read_only", .bool(isReadOnly)), .init("path_on_host", .string(pathOnHost)),
            .init("rate_limiter", rateLimiter?.json ?? .null), .init("io_engine", .string(ioEngine.rawValue)),
            .init("socket", .null),
        ])
    }
}

/// `PATCH /drives/{id}`.
struct BlockChange: JSONRecord {
    var driveID: String
    var pathOnHost: String?
    var rateLimiter: RateLimiterConfig?

    init(from fields: inout JSONFields) throws(JSONFault) {
        driveID = try fields.requiredString("drive_id")
        pathOnHost = try fields.string("path_on_host")
        rateLimiter = try fields.record("rate_limiter", as: RateLimiterConfig.self)
    }

    var json: JSONValue {
        .object([
            .init("drive_id", .string(driveID)), .init("path_on_host", JSONValue(pathOnHost)),
            .init("rate_limiter", rateLimiter?.json ?? .null),
        ])
    }
}
