// SPDX-License-Identifier: Apache-2.0
internal import NestModel
internal import NestProtocols

/// What the agent is told about a container: its disks, its root and its streams.
enum GuestContainer {
    /// - Parameter index: which container of the pod it is; each has a pair of disks behind the system image.
    static func request(
        id: String, spec: OCISpec, ports: ProcessStreams.Ports, index: Int = 0
    ) -> AgentCreateContainerRequest {
        var request = AgentCreateContainerRequest()
        request.containerID = id
        request.execID = id
        request.oci = spec
        request.storages = storages(id: id, index: index)
        // 0 is a stream that is absent; no port at all would mean that it is read by calls.
        request.stdinPort = ports.standardInput ?? 0
        request.stdoutPort = ports.standardOutput ?? 0
        request.stderrPort = ports.standardError ?? 0
        return request
    }

    private static func storages(id: String, index: Int) -> [AgentStorage] {
        let image = storage("blk", disk(1 + 2 * index), "erofs", ["ro"], at: ContainerName.guestImage(id))
        let scratch = storage("blk", disk(2 + 2 * index), "ext4", [], at: ContainerName.guestScratch(id))
        let options = [
            "lowerdir=\(ContainerName.guestImage(id))", "upperdir=\(ContainerName.guestScratch(id))/upper",
            "workdir=\(ContainerName.guestScratch(id))/work",
        ]
        let root = storage("overlayfs", "overlay", "overlay", options, at: ContainerName.guestRoot(id))
        return [image, scratch, root]
    }

    private static func storage(
        _ driver: String, _ source: String, _ type: String, _ options: [String], at mountPoint: String
    ) -> AgentStorage {
        var storage = AgentStorage()
        storage.driver = driver
        storage.source = source
        storage.fstype = type
        storage.options = options
        storage.mountPoint = mountPoint
        return storage
    }

    /// The guest's name of a virtio disk: `/dev/vda`, …, `/dev/vdz`.
    private static func disk(_ index: Int) -> String {
        let letters = Array("abcdefghijklmnopqrstuvwxyz")
        return "/dev/vd\(letters[min(max(0, index), letters.count - 1)])"
    }
}
