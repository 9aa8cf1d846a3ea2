// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import NestProtocols
internal import VMMSysUtil

extension MethodTable {
    /// The calls about whole containers.
    mutating func addContainerCalls(_ containers: Containers) {
        add("CreateContainer") { (request: AgentCreateContainerRequest, _) throws(AgentError) in
            try containers.create(request)
        }
        add("StartContainer") { (request: AgentStartContainerRequest, _) throws(AgentError) in
            try containers.start(try containers.table.find(request.containerID))
        }
        add("RemoveContainer") { (request: AgentRemoveContainerRequest, _) throws(AgentError) in
            // "For ever" is for who can wait so long; a killed process that does not end in a minute never will.
            let timeout = request.timeout == 0 ? 60 : Int64(request.timeout)
            try containers.remove(try containers.table.find(request.containerID), timeout: .seconds(timeout))
        }
        add("UpdateContainer") { (request: AgentUpdateContainerRequest, _) throws(AgentError) in
            let container = try containers.table.find(request.containerID)
            guard request.hasResources else { return }
            let file = containers.crun.temporaryPath("resources")
            defer { unlink(file) }
            try Files.write(file, request.resources.json.object.encoded)
            try containers.crun.run(["update", "--resources", file, container.id])
        }
        add("StatsContainer") { (request: AgentStatsContainerRequest, _) throws(AgentError) in
            var answer = AgentStatsContainerResponse()
            answer.cgroupStats = try containers.table.find(request.containerID).cgroup.statistics()
            answer.networkStats = NetworkStatistics.read()
            return answer
        }
        add("PauseContainer") { (request: AgentPauseContainerRequest, _) throws(AgentError) in
            try containers.freeze(try containers.table.find(request.containerID), true)
        }
        add("ResumeContainer") { (request: AgentResumeContainerRequest, _) throws(AgentError) in
            try containers.freeze(try containers.table.find(request.containerID), false)
        }
    }
}

extension Containers {
    /// Holds all processes of a container still, or lets them go on.
    func freeze(_ container: Container, _ isFrozen: Bool) throws(AgentError) {
        guard container.state.withLock({ $0.phase == .running || $0.phase == .created }),
            let first = container.state.withLock({ $0.first }), first.end.value == nil
        else { throw .badState("container \(container.id) does not run") }
        guard container.cgroup.isFrozen != isFrozen else {
            throw .badState("container \(container.id) is \(isFrozen ? "paused already" : "not paused")")
        }
        try container.cgroup.freeze(isFrozen)
    }
}
