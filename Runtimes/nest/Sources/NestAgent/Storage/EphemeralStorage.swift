// SPDX-License-Identifier: Apache-2.0
internal import NestProtocols

/// A file system in the machine's memory.
enum EphemeralStorage: StorageHandler {
    static let drivers = ["ephemeral"]

    static func attach(_ storage: AgentStorage) throws(AgentError) -> AttachedStorage {
        let type = storage.fstype.isEmpty ? "tmpfs" : storage.fstype
        guard type == "tmpfs" || type == "hugetlbfs" else { throw .invalid("'\(type)' does not live in memory") }
        try mountFileSystem(type, from: type, on: storage.mountPoint, MountOptions(storage.options))
        return AttachedStorage(place: storage.mountPoint, undo: .unmount)
    }
}
