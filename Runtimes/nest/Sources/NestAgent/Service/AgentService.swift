// SPDX-License-Identifier: Apache-2.0
internal import NestProtocols
internal import TTRPC

/// The calls about the pod and its containers.
struct AgentService: TTRPCService {
    let name = ServiceName.agent
    private let methods: MethodTable

    init(_ core: AgentCore) {
        var methods = MethodTable(log: core.log, fault: core.options.fault)
        methods.addContainerCalls(core.containers)
        methods.addProcessCalls(core.containers)
        methods.addStreamCalls(core.containers)
        methods.addSandboxCalls(core)
        methods.addGuestCalls(core)
        methods.add("CopyFile") { (request: AgentCopyFileRequest, _) throws(AgentError) in
            try CopiedFile(request).write()
        }
        self.methods = methods
    }

    func unary(_ method: String, _ request: [UInt8], _ call: TTRPCCall) throws(TTRPCStatus) -> [UInt8] {
        try methods.run(name, method, request, call)
    }
}

/// Whether the agent lives, and which it is.
struct HealthService: TTRPCService {
    let name = ServiceName.health
    private let methods: MethodTable

    init(log: AgentLog) {
        var methods = MethodTable(log: log)
        methods.add("Check") { (_: AgentCheckRequest, _) throws(AgentError) in
            var answer = AgentHealthCheckResponse()
            answer.status = 1
            return answer
        }
        methods.add("Version") { (_: AgentCheckRequest, _) throws(AgentError) in
            var answer = AgentVersionCheckResponse()
            answer.grpcVersion = "0.0.1"
            answer.agentVersion = AgentCore.version
            return answer
        }
        self.methods = methods
    }

    func unary(_ method: String, _ request: [UInt8], _ call: TTRPCCall) throws(TTRPCStatus) -> [UInt8] {
        try methods.run(name, method, request, call)
    }
}
