// SPDX-License-Identifier: Apache-2.0
internal import VMMSysUtil
internal import Glibc
internal import NestProtocols

/// A writable root over a read-only one.
enum OverlayStorage: StorageHandler {
    static let drivers = ["overlayfs"]

    static func attach(_ storage: AgentStorage) throws(AgentError) -> AttachedStorage {
        var options = MountOptions(storage.options)
        guard let lower = options.value("lowerdir"), let upper = options.value("upperdir"),
            let work = options.value("workdir")
        else { throw .invalid("an overlay needs lowerdir, upperdir and workdir") }
        try Files.makeDirectories(upper)
        try Files.makeDirectories(work)
        // The merged root shows the mode and owner of the upper directory: give it the image's.
        var status = stat()
        if stat(lower.split(separator: ":").first.map(String.init) ?? lower, &status) == 0 {
            chown(upper, status.st_uid, status.st_gid)
            chmod(upper, status.st_mode & 0o7777)
        }
        // What a container writes ends with its machine: a sync has nothing to make safe.
        options.add("volatile")
        do throws(AgentError) {
            try mountFileSystem("overlay", from: "overlay", on: storage.mountPoint, options)
        } catch {
            // A volatile overlay cannot be mounted again, as when a Create is repeated, nor by kernels before 5.10.
            options.data.removeAll { $0 == "volatile" }
            Directory.removeTree("\(work)/work/incompat")
            try mountFileSystem("overlay", from: "overlay", on: storage.mountPoint, options)
        }
        return AttachedStorage(place: storage.mountPoint, undo: .unmount)
    }
}
