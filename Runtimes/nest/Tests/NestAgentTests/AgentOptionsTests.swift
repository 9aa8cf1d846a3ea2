// SPDX-License-Identifier: Apache-2.0
import NestAgent
import Testing

struct AgentOptionsTests {
    private func fault(_ commandLine: String) -> AgentFault? {
        var options = AgentOptions()
        options.read(kernelCommandLine: commandLine)
        return options.fault
    }

    @Test("the agent is confined unless its command line, or the kernel's, says otherwise")
    func confined() throws {
        var options = AgentOptions()
        options.read(kernelCommandLine: "quiet nest.agent agent.log=info agent.seccomp=on")
        #expect(options.isConfined)
        options.read(kernelCommandLine: "quiet agent.seccomp=off")
        #expect(!options.isConfined)
        #expect(try #require(AgentOptions(arguments: ["--listen", "/d"])).isConfined)
        #expect(try !#require(AgentOptions(arguments: ["--seccomp", "off"])).isConfined)
        #expect(AgentOptions(arguments: ["--seccomp", "perhaps"]) == nil)
    }

    @Test("nobody dies unless the kernel's command line says who and when")
    func faults() throws {
        #expect(fault("quiet nest.agent agent.log=info") == nil)
        let wrong = ["", "agent", "agent:", "kernel:a", "crun:a:", "crun:a:-1", "crun:a:70000", "crun:a:1:2"]
        for word in wrong {
            #expect(fault("quiet agent.fault=\(word)") == nil, "\(word)")
        }
        let now = try #require(fault("agent.fault=agent:StartContainer quiet"))
        #expect(now.victim == .agent && now.call == "StartContainer" && now.delay == 0)
        let later = try #require(fault("agent.fault=crun:create:150"))
        #expect(later.victim == .crun && later.call == "create" && later.delay == 150)
    }
}
