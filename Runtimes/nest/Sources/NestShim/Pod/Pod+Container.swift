// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import NestModel
internal import NestProtocols
internal import SwiftProtobuf
internal import TTRPC

// The calls about a container as a whole.
extension Pod {
    func stateOf(_ id: String, _ execID: String) throws(TTRPCStatus) -> TaskStateResponse {
        let container = try container(id)
        let process = try container.process(execID)
        var response = TaskStateResponse()
        response.id = execID.isEmpty ? id : execID
        response.bundle = container.bundle
        response.pid = processID
        response.status = container.status(of: process)
        response.stdin = process.paths.standardInput
        response.stdout = process.paths.standardOutput
        response.stderr = process.paths.standardError
        response.terminal = process.paths.isTerminal
        response.execID = execID
        if let exit = process.life.exit {
            response.exitStatus = exit.status
            response.exitedAt = TaskEvent.timestamp(exit)
        }
        return response
    }

    /// The VMM stands for the container; each exec that runs is one more line, with its name.
    func pids(_ id: String) throws(TTRPCStatus) -> TaskPidsResponse {
        let container = try container(id)
        let pid = processID
        var response = TaskPidsResponse()
        var main = TaskProcessInfo()
        main.pid = pid
        response.processes = [main]
        for exec in container.execs where exec.phase == .running {
            var details = TaskProcessDetails()
            details.execID = exec.execID
            var info = TaskProcessInfo()
            info.pid = pid
            info.info.typeURL = "containerd.runc.v1.ProcessDetails"
            info.info.value.replaceBytes(with: try encode(details))
            response.processes.append(info)
        }
        return response
    }

    func connect(_ id: String) -> TaskConnectResponse {
        var response = TaskConnectResponse()
        response.shimPid = UInt32(clamping: getpid())
        response.taskPid = (try? container(id)) == nil ? 0 : processID
        return response
    }

    func pause(_ id: String) throws(TTRPCStatus) {
        let container = try container(id)
        guard container.main.phase == .running, !container.isPaused else {
            throw TTRPCStatus(.failedPrecondition, "container \(id) is not running")
        }
        try agent().pause(id)
        container.isPaused = true
        events.publish(.paused(id))
    }

    func resume(_ id: String) throws(TTRPCStatus) {
        let container = try container(id)
        guard container.isPaused, container.main.phase == .running else {
            throw TTRPCStatus(.failedPrecondition, "container \(id) is not paused")
        }
        try agent().resume(id)
        container.isPaused = false
        events.publish(.resumed(id))
    }

    func update(_ request: TaskUpdateTaskRequest) throws(TTRPCStatus) {
        let container = try container(request.id)
        guard container.main.phase != .stopped else {
            throw TTRPCStatus(.failedPrecondition, "container \(request.id) has stopped")
        }
        var options = JSONDecodingOptions()
        options.ignoreUnknownFields = true
        let json = [UInt8](request.resources.value)
        let resources: OCILinuxResources
        do {
            resources = try OCILinuxResources(jsonUTF8Bytes: json, options: options)
        } catch {
            throw TTRPCStatus(
                .invalidArgument, "the update is no LinuxResources: \(Specification.oneLine("\(error)"))")
        }
        let size = try machine().size
        do throws(VMSizeError) { try size.check(Specification.limits(of: resources)) } catch {
            throw TTRPCStatus(.invalidArgument, error.description)
        }
        do throws(SpecificationError) {
            try SpecificationCheck.check(resources)
            try UnreadMembers.check(json, at: "linux.resources")
        } catch {
            throw TTRPCStatus(.invalidArgument, error.description)
        }
        try agent().update(request.id, resources)
    }

    func statistics(_ id: String) throws(TTRPCStatus) -> TaskStatsResponse {
        let container = try container(id)
        guard container.main.phase != .stopped else {
            throw TTRPCStatus(.failedPrecondition, "container \(id) has stopped")
        }
        let statistics = try agent().statistics(id)
        var response = TaskStatsResponse()
        if try machine().hasUnifiedCgroups {
            response.stats.typeURL = "io.containerd.cgroups.v2.Metrics"
            response.stats.value.replaceBytes(with: try encode(Statistics.version2(statistics)))
        } else {
            response.stats.typeURL = "io.containerd.cgroups.v1.Metrics"
            response.stats.value.replaceBytes(with: try encode(Statistics.version1(statistics)))
        }
        return response
    }
}
