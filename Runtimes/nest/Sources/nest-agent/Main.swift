// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import NestAgent

@main
enum Main {
    static func main() {
        if getpid() == 1 {
            var options = AgentOptions()
            options.isInit = true
            exit(Agent.run(options))
        }
        guard let options = AgentOptions(arguments: Array(CommandLine.arguments.dropFirst())),
            options.listeners != .vsock
        else {
            let usage = """
                nest-agent is the first process of a pod's machine. To try it without one:
                usage: nest-agent --listen DIR [--crun FILE] [--containers DIR] [--run DIR] [--log LEVEL] [--seccomp on|off]

                """
            _ = usage.withCString { write(2, $0, strlen($0)) }
            exit(2)
        }
        exit(Agent.run(options))
    }
}
