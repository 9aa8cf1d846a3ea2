// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import NestProtocols
internal import VMMSysUtil

/// A file system on a disk of the machine.
enum BlockStorage: StorageHandler {
    static let drivers = ["blk", "mmioblk"]

    /// How long a disk may take to appear, or to get the size of a file that was put behind it.
    private static let timeout: Duration = .seconds(5)

    static func attach(_ storage: AgentStorage) throws(AgentError) -> AttachedStorage {
        guard storage.source.hasPrefix("/dev/"), !storage.source.contains("..") else {
            throw .invalid("'\(storage.source)' is no device")
        }
        guard !storage.fstype.isEmpty else {
            throw .invalid("the storage on \(storage.source) has no file system type")
        }
        try waitForDisk(storage.source)
        var options = MountOptions(storage.options)
        if storage.fstype == "ext4", options.flags & MountOptions.readOnly == 0 {
            // A scratch disk lives no longer than its machine: nothing is to be recovered from it after a crash, so no
            // write need wait for the disk, and no read be recorded.
            for option in ["noatime", "nobarrier", "noauto_da_alloc"] { options.add(option) }
        }
        try mountFileSystem(storage.fstype, from: storage.source, on: storage.mountPoint, options)
        return AttachedStorage(place: storage.mountPoint, undo: .unmount)
    }

    /// Waits until the disk is there and not empty: an empty pair of drives gets its files just before the call.
    private static func waitForDisk(_ path: String) throws(AgentError) {
        let deadline = Deadline(after: timeout)
        let name = path.split(separator: "/").last ?? ""
        let size = "/sys/class/block/\(name)/size"
        while true {
            if access(path, F_OK) == 0, (Files.text(size).flatMap { UInt64($0.trimmed) } ?? 1) > 0 { return }
            if deadline.hasPassed { throw .timedOut("disk \(path) did not appear within \(timeout)") }
            // Nobody tells: a device node is made by the kernel itself, in milliseconds.
            usleep(1000)
        }
    }
}
