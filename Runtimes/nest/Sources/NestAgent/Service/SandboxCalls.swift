// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import NestProtocols
internal import VMMSysUtil

extension MethodTable {
    /// The calls about the pod as a whole.
    mutating func addSandboxCalls(_ core: AgentCore) {
        add("CreateSandbox") { (request: AgentCreateSandboxRequest, _) throws(AgentError) in
            try core.createSandbox(request)
        }
        add("DestroySandbox") { (_: AgentDestroySandboxRequest, _) throws(AgentError) in core.destroySandbox() }
        add("GetOOMEvent") { (_: AgentGetOOMEventRequest, call) throws(AgentError) in
            var answer = AgentOOMEvent()
            answer.containerID = try core.containers.oom.next(call)
            return answer
        }
    }
}

extension AgentCore {
    /// What a request for a sandbox must be, whatever there is in the machine.
    static func check(_ request: AgentCreateSandboxRequest) throws(AgentError) {
        // Refused and not ignored: a caller that needs one of these shall know.
        guard request.kernelModules.isEmpty else { throw .invalid("kernel modules are loaded by the guest's loader") }
        guard request.guestHookPath.isEmpty else { throw .invalid("guest hooks are not supported") }
        guard !request.sandboxPidns else { throw .invalid("a shared process namespace is not supported") }
        guard request.dns.count <= 64, request.dns.allSatisfy({ $0.utf8.count < 1024 && !$0.utf8.contains(10) }) else {
            throw .invalid("the lines for resolv.conf are too many or too long")
        }
    }

    /// Sets up what containers of the pod share.
    func createSandbox(_ request: AgentCreateSandboxRequest) throws(AgentError) {
        try Self.check(request)
        try sandbox.update { (state) throws(AgentError) in
            guard !state.isCreated else { throw .exists("the sandbox exists already") }
            state.isCreated = true
        }
        do throws(AgentError) {
            let attached = try StorageCatalog.attach(request.storages, log)
            sandbox.update { $0.storages = attached }
            if !request.hostname.isEmpty, options.isInit {
                let name = Array(request.hostname.utf8CString)
                try system("set the host name to", request.hostname) { sethostname(name, name.count - 1) }
            }
            if !request.dns.isEmpty { try writeResolverConfiguration(request.dns) }
        } catch {
            sandbox.update { $0.isCreated = false }
            throw error
        }
        log.info("sandbox \(request.sandboxID) is up")
    }

    private func writeResolverConfiguration(_ lines: [String]) throws(AgentError) {
        try Files.write(
            "\(options.runDirectory)/resolv.conf", Array(lines.map { "\($0)\n" }.joined().utf8), mode: 0o644)
    }

    /// Ends all containers and then the machine.
    func destroySandbox() {
        for container in containers.table.all where container.cgroup.exists { try? container.cgroup.killAll() }
        // The answer goes out first.
        _ = try? Thread(name: "end", stackByteCount: 128 << 10) { [self] in
            usleep(5000)
            finish()
        }
    }
}
