// SPDX-License-Identifier: Apache-2.0
internal import Synchronization

/// What is told without asking anybody.
public final class InstanceInfo: Sendable {
    private let id: String
    private let version: String
    private let isRunning = Atomic(false)

    /// - Parameters:
    ///   - id: what `--id` said.
    ///   - version: the program's.
    public init(id: String, version: String) {
        self.id = id
        self.version = version
    }

    /// The machine has started.
    func start() { isRunning.store(true, ordering: .sequentiallyConsistent) }

    /// `GET /`.
    var json: JSONValue {
        let state = isRunning.load(ordering: .sequentiallyConsistent) ? "Running" : "Not started"
        return .object([
            .init("id", .string(id)), .init("state", .string(state)), .init("vmm_version", .string(version)),
            .init("app_name", .string("swiftlet")),
        ])
    }

    /// `GET /version`, under the name by which clients know the interface.
    var versionJSON: JSONValue { .object([.init("firecracker_version", .string(version))]) }
}
