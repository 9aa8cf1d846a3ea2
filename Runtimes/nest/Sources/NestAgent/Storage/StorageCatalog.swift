// SPDX-License-Identifier: Apache-2.0
internal import VMMSysUtil
internal import Glibc
internal import NestProtocols

/// One way to make a storage of a container there: a driver, or several names of one.
protocol StorageHandler: Sendable {
    /// The names by which a `Storage` message asks for it.
    static var drivers: [String] { get }

    /// Makes the storage available.
    /// - Returns: what undoes it.
    static func attach(_ storage: AgentStorage) throws(AgentError) -> AttachedStorage
}

/// A storage that is there, and how it goes.
struct AttachedStorage: Equatable, Sendable {
    enum Undo: Equatable, Sendable {
        case unmount
        case removeTree
    }

    let place: String
    let undo: Undo

    func detach(_ log: AgentLog) {
        switch undo {
        case .unmount:
            // Somebody may still hold a file open there; then it goes with the last of them.
            if umount2(place, 0) < 0, umount2(place, Int32(MNT_DETACH)) < 0 {
                log.warn("cannot unmount \(place): error \(errno)")
            }
            rmdir(place)
        case .removeTree: Directory.removeTree(place)
        }
    }
}

/// The drivers that this agent knows. A new one is a type of its own and a line here.
enum StorageCatalog {
    static let handlers: [any StorageHandler.Type] = [
        BlockStorage.self, OverlayStorage.self, EphemeralStorage.self, LocalStorage.self,
    ]

    static var drivers: [String] { handlers.flatMap { $0.drivers } }

    /// More than a container can need; each takes a mount of the guest's kernel.
    private static let maximumCount = 64

    /// Makes storages available, in their order.
    /// - Returns: what is there, in the same order. If one fails those before it are undone.
    static func attach(_ storages: [AgentStorage], _ log: AgentLog) throws(AgentError) -> [AttachedStorage] {
        let handlers = try handlers(of: storages)
        var attached: [AttachedStorage] = []
        do throws(AgentError) {
            for (handler, storage) in zip(handlers, storages) { attached.append(try handler.attach(storage)) }
            return attached
        } catch {
            detach(attached, log)
            throw error
        }
    }

    /// Checks storages before the first is made available.
    /// - Returns: who makes each.
    static func handlers(of storages: [AgentStorage]) throws(AgentError) -> [any StorageHandler.Type] {
        guard storages.count <= maximumCount else {
            throw .invalid("\(storages.count) storages, over \(maximumCount)")
        }
        var found: [any StorageHandler.Type] = []
        for storage in storages {
            guard let handler = handlers.first(where: { $0.drivers.contains(storage.driver) }) else {
                throw .invalid(
                    "storage driver '\(storage.driver)' is not known; this agent has \(drivers.joined(separator: ", "))"
                )
            }
            // A mount point hides what is there.
            guard RunPath(storage.mountPoint) != nil else {
                throw .invalid("mount point '\(storage.mountPoint)' is not below \(RunPath.root)")
            }
            found.append(handler)
        }
        return found
    }

    /// Undoes storages, the last first.
    static func detach(_ attached: [AttachedStorage], _ log: AgentLog) {
        for storage in attached.reversed() { storage.detach(log) }
    }
}
