// SPDX-License-Identifier: Apache-2.0
internal import NestModel
internal import NestProtocols
internal import SwiftProtobuf

/// A task event on its way to containerd: its topic and its message.
struct TaskEvent: Equatable, Sendable {
    var topic: String
    var typeName: String
    var payload: [UInt8]
    var seconds: Int64
    var nanoseconds: Int32

    private init(_ topic: String, _ message: some Message) {
        self.topic = topic
        typeName = type(of: message).protoMessageName
        // A message of plain fields always encodes.
        payload = (try? message.serializedBytes()) ?? []
        (seconds, nanoseconds) = WallClock.now()
    }

    /// The request that hands it to containerd.
    func forwardRequest(namespace: String) -> EventForwardRequest {
        var request = EventForwardRequest()
        request.envelope.timestamp.seconds = seconds
        request.envelope.timestamp.nanos = nanoseconds
        request.envelope.namespace = namespace
        request.envelope.topic = topic
        request.envelope.event.typeURL = typeName
        request.envelope.event.value.replaceBytes(with: payload)
        return request
    }
}

extension TaskEvent {
    static func created(_ request: TaskCreateTaskRequest, pid: UInt32) -> TaskEvent {
        var event = EventTaskCreate()
        event.containerID = request.id
        event.bundle = request.bundle
        event.rootfs = request.rootfs.map { mount in
            var result = EventRootfsMount()
            result.type = mount.type
            result.source = mount.source
            result.target = mount.target
            result.options = mount.options
            return result
        }
        event.io.stdin = request.stdin
        event.io.stdout = request.stdout
        event.io.stderr = request.stderr
        event.io.terminal = request.terminal
        event.checkpoint = request.checkpoint
        event.pid = pid
        return TaskEvent("/tasks/create", event)
    }

    static func started(_ id: String, pid: UInt32) -> TaskEvent {
        var event = EventTaskStart()
        event.containerID = id
        event.pid = pid
        return TaskEvent("/tasks/start", event)
    }

    static func execAdded(_ id: String, _ execID: String) -> TaskEvent {
        var event = EventTaskExecAdded()
        event.containerID = id
        event.execID = execID
        return TaskEvent("/tasks/exec-added", event)
    }

    static func execStarted(_ id: String, _ execID: String, pid: UInt32) -> TaskEvent {
        var event = EventTaskExecStarted()
        event.containerID = id
        event.execID = execID
        event.pid = pid
        return TaskEvent("/tasks/exec-started", event)
    }

    /// - Parameter execID: empty for the container's main process, whose event carries the container's name instead.
    static func exited(_ id: String, _ execID: String, pid: UInt32, _ exit: ProcessExit) -> TaskEvent {
        var event = EventTaskExit()
        event.containerID = id
        event.id = execID.isEmpty ? id : execID
        event.pid = pid
        event.exitStatus = exit.status
        event.exitedAt = timestamp(exit)
        return TaskEvent("/tasks/exit", event)
    }

    static func deleted(_ id: String, _ execID: String, pid: UInt32, _ exit: ProcessExit?) -> TaskEvent {
        var event = EventTaskDelete()
        event.containerID = id
        event.id = execID
        event.pid = pid
        if let exit {
            event.exitStatus = exit.status
            event.exitedAt = timestamp(exit)
        }
        return TaskEvent("/tasks/delete", event)
    }

    static func paused(_ id: String) -> TaskEvent {
        var event = EventTaskPaused()
        event.containerID = id
        return TaskEvent("/tasks/paused", event)
    }

    static func resumed(_ id: String) -> TaskEvent {
        var event = EventTaskResumed()
        event.containerID = id
        return TaskEvent("/tasks/resumed", event)
    }

    static func outOfMemory(_ id: String) -> TaskEvent {
        var event = EventTaskOOM()
        event.containerID = id
        return TaskEvent("/tasks/oom", event)
    }

    static func timestamp(_ exit: ProcessExit) -> Google_Protobuf_Timestamp {
        var result = Google_Protobuf_Timestamp()
        result.seconds = exit.seconds
        result.nanos = exit.nanoseconds
        return result
    }
}
