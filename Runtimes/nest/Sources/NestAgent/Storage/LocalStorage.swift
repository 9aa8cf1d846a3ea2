// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import NestProtocols

/// A directory of the machine's own.
enum LocalStorage: StorageHandler {
    static let drivers = ["local"]

    static func attach(_ storage: AgentStorage) throws(AgentError) -> AttachedStorage {
        let options = MountOptions(storage.options)
        let mode = options.value("mode").flatMap { mode_t($0, radix: 8) } ?? 0o755
        try Files.makeDirectories(storage.mountPoint)
        // Not by mkdir: the umask would have its say.
        try system("set the mode of", storage.mountPoint) { chmod(storage.mountPoint, mode & 0o7777) }
        return AttachedStorage(place: storage.mountPoint, undo: .removeTree)
    }
}
