// SPDX-License-Identifier: Apache-2.0
internal import NestProtocols
internal import VMMSysUtil

extension MethodTable {
    /// The calls about single processes.
    mutating func addProcessCalls(_ containers: Containers) {
        add("ExecProcess") { (request: AgentExecProcessRequest, _) throws(AgentError) in
            try containers.exec(try containers.table.find(request.containerID), request)
        }
        add("SignalProcess") { (request: AgentSignalProcessRequest, _) throws(AgentError) in
            let container = try containers.table.find(request.containerID)
            try containers.signal(container, request.execID, request.signal)
        }
        add("WaitProcess") { (request: AgentWaitProcessRequest, call) throws(AgentError) in
            let container = try containers.table.find(request.containerID)
            var answer = AgentWaitProcessResponse()
            answer.status = try containers.wait(container, request.execID, call)
            return answer
        }
    }

    /// The calls about standard streams that have no connection of their own, and about terminals.
    mutating func addStreamCalls(_ containers: Containers) {
        @Sendable func streams(_ id: String, _ execID: String) throws(AgentError) -> ProcessStreams {
            try containers.table.find(id).process(execID).streams
        }
        add("WriteStdin") { (request: AgentWriteStreamRequest, call) throws(AgentError) in
            try streams(request.containerID, request.execID).write([UInt8](request.data), call)
            var answer = AgentWriteStreamResponse()
            answer.len = UInt32(clamping: request.data.count)
            return answer
        }
        add("ReadStdout") { (request: AgentReadStreamRequest, call) throws(AgentError) in
            var answer = AgentReadStreamResponse()
            answer.data.append(
                contentsOf: try streams(request.containerID, request.execID)
                    .read(isError: false, count: Int(request.len), call))
            return answer
        }
        add("ReadStderr") { (request: AgentReadStreamRequest, call) throws(AgentError) in
            var answer = AgentReadStreamResponse()
            answer.data.append(
                contentsOf: try streams(request.containerID, request.execID)
                    .read(isError: true, count: Int(request.len), call))
            return answer
        }
        add("CloseStdin") { (request: AgentCloseStdinRequest, _) throws(AgentError) in
            try streams(request.containerID, request.execID).closeInput()
        }
        add("TtyWinResize") { (request: AgentTtyWinResizeRequest, _) throws(AgentError) in
            try streams(request.containerID, request.execID).resize(rows: request.row, columns: request.column)
        }
    }
}
