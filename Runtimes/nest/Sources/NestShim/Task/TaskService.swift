// SPDX-License-Identifier: Apache-2.0
internal import NestModel
internal import NestProtocols
internal import SwiftProtobuf
internal import TTRPC

/// containerd's task API over a pod: decodes a request, asks the pod, encodes the answer.
///
/// Versions 2 and 3 differ in the service's name alone; a socket offers both.
struct TaskService: TTRPCService {
    let name: String
    let pod: Pod

    /// Both versions.
    static func all(_ pod: Pod) -> [any TTRPCService] {
        [ServiceName.taskV2, ServiceName.taskV3].map { TaskService(name: $0, pod: pod) }
    }

    func unary(_ method: String, _ request: [UInt8], _ call: TTRPCCall) throws(TTRPCStatus) -> [UInt8] {
        pod.log.debug("call \(method)")
        do throws(TTRPCStatus) {
            return try encode(try answer(method, request, call))
        } catch {
            pod.log.debug("call \(method): \(error)")
            throw error
        }
    }

    private func answer(
        _ method: String, _ bytes: [UInt8], _ call: TTRPCCall
    ) throws(TTRPCStatus) -> any Message {
        let what = "the request of \(method)"
        switch method {
        case "Create":
            var response = TaskCreateTaskResponse()
            do throws(TTRPCStatus) { response.pid = try pod.create(try decode(bytes, what: what)) } catch {
                // A containerd that went meanwhile and is back takes this shim for one with a task.
                if call.isCancelled { _ = pod.shutDown() }
                throw error
            }
            return response
        case "Start":
            let request: TaskStartRequest = try decode(bytes, what: what)
            var response = TaskStartResponse()
            response.pid = try pod.start(request.id, request.execID)
            return response
        case "State":
            let request: TaskStateRequest = try decode(bytes, what: what)
            return try pod.stateOf(request.id, request.execID)
        case "Delete":
            let request: TaskDeleteRequest = try decode(bytes, what: what)
            return try pod.delete(request.id, request.execID)
        case "Kill":
            let request: TaskKillRequest = try decode(bytes, what: what)
            try pod.kill(request.id, request.execID, signal: request.signal, all: request.all)
            return Google_Protobuf_Empty()
        case "Wait": return try wait(try decode(bytes, what: what), call)
        case "Connect":
            let request: TaskConnectRequest = try decode(bytes, what: what)
            return pod.connect(request.id)
        case "Shutdown":
            // containerd may ask too early, for another container of the pod: then nothing happens.
            _ = pod.shutDown()
            return Google_Protobuf_Empty()
        default: return try answerMore(method, bytes, what: what)
        }
    }

    private func answerMore(_ method: String, _ bytes: [UInt8], what: String) throws(TTRPCStatus) -> any Message {
        switch method {
        case "Exec": try pod.exec(try decode(bytes, what: what))
        case "ResizePty":
            let request: TaskResizePtyRequest = try decode(bytes, what: what)
            try pod.resize(request.id, request.execID, width: request.width, height: request.height)
        case "CloseIO":
            let request: TaskCloseIORequest = try decode(bytes, what: what)
            let process = try pod.container(request.id).process(request.execID)
            if request.stdin { process.closeInput() }
        case "Pids":
            let request: TaskPidsRequest = try decode(bytes, what: what)
            return try pod.pids(request.id)
        case "Pause":
            let request: TaskPauseRequest = try decode(bytes, what: what)
            try pod.pause(request.id)
        case "Resume":
            let request: TaskResumeRequest = try decode(bytes, what: what)
            try pod.resume(request.id)
        case "Update": try pod.update(try decode(bytes, what: what))
        case "Stats":
            let request: TaskStatsRequest = try decode(bytes, what: what)
            return try pod.statistics(request.id)
        default: throw .unimplemented(name, method)
        }
        return Google_Protobuf_Empty()
    }

    private func wait(_ request: TaskWaitRequest, _ call: TTRPCCall) throws(TTRPCStatus) -> TaskWaitResponse {
        let process = try pod.container(request.id).process(request.execID)
        call.onCancel { process.wake() }
        guard let exit = process.waitForExit(isCancelled: { call.isCancelled }) else {
            throw TTRPCStatus(.cancelled, "nobody waits any more")
        }
        var response = TaskWaitResponse()
        response.exitStatus = exit.status
        response.exitedAt = TaskEvent.timestamp(exit)
        return response
    }
}
