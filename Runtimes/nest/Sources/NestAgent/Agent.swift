// SPDX-License-Identifier: Apache-2.0
internal import CNestAgent
internal import Glibc
internal import VMMSysUtil

/// The agent in a pod's machine: it takes the host's calls, and runs containers with crun.
public enum Agent {
    /// Runs the agent: until the machine is turned off as process 1, until the sandbox is destroyed otherwise.
    ///
    /// - Parameter options: as process 1 the kernel's command line has the last word.
    /// - Returns: an exit status. What was wrong is on standard error.
    public static func run(_ options: AgentOptions) -> Int32 {
        let started = Deadline.now
        var options = options
        let log = AgentLog()
        do throws(AgentError) {
            if options.isInit {
                try Boot.prepare(log)
                options.read(kernelCommandLine: Files.text("/proc/cmdline") ?? "")
            } else {
                try system("become", "a subreaper") { nest_become_subreaper() }
            }
            log.setLevel(options.logLevel)
            try AgentCore(options, log).run(started: started)
        } catch {
            log.fatal("\(error)")
            if options.isInit { Boot.powerOff() }
            return 1
        }
        if options.isInit { Boot.powerOff() }
        return 0
    }
}
