// SPDX-License-Identifier: Apache-2.0
internal import CNestAgent
internal import Glibc
internal import NestProtocols

extension MethodTable {
    /// The calls about the guest's kernel.
    mutating func addGuestCalls(_ core: AgentCore) {
        add("GetGuestDetails") { (request: AgentGuestDetailsRequest, _) throws(AgentError) in
            var answer = AgentGuestDetailsResponse()
            let memory = "/sys/devices/system/memory"
            if request.memBlockSize, let size = Files.text("\(memory)/block_size_bytes") {
                answer.memBlockSizeBytes = UInt64(size.trimmed, radix: 16) ?? 0
            }
            if request.memHotplugProbe { answer.supportMemHotplugProbe = access("\(memory)/probe", W_OK) == 0 }
            answer.agentDetails.version = AgentCore.version
            answer.agentDetails.initDaemon = core.options.isInit
            answer.agentDetails.storageHandlers = StorageCatalog.drivers
            answer.agentDetails.supportsSeccomp = Files.text("/proc/self/status")?.contains("\nSeccomp:") ?? false
            return answer
        }
        add("ReseedRandomDev") { (request: AgentReseedRandomDevRequest, _) throws(AgentError) in
            let bytes = [UInt8](request.data)
            guard (1...4096).contains(bytes.count) else { throw .invalid("\(bytes.count) bytes of entropy; 1 to 4096") }
            try system("add", "entropy") { nest_add_entropy(bytes, bytes.count) }
        }
        add("SetGuestDateTime") { (request: AgentSetGuestDateTimeRequest, _) throws(AgentError) in
            guard request.sec >= 0, (0..<1_000_000).contains(request.usec) else {
                throw .invalid("\(request.sec) s and \(request.usec) µs are no time")
            }
            var time = timeval(tv_sec: Int(request.sec), tv_usec: Int(request.usec))
            try system("set", "the clock") { settimeofday(&time, nil) }
        }
        add("OnlineCPUMem") { (request: AgentOnlineCPUMemRequest, _) throws(AgentError) in
            try Hotplug.online(processors: request.nbCpus, memoryToo: !request.cpuOnly, waits: request.wait)
        }
        add("GetMetrics") { (_: AgentGetMetricsRequest, _) throws(AgentError) in
            var answer = AgentMetrics()
            answer.metrics = GuestMetrics.text(containers: core.containers.table.all.count)
            return answer
        }
    }
}
