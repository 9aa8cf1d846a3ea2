// SPDX-License-Identifier: Apache-2.0
internal import NestProtocols

extension Cgroup {
    /// What the group has used, in the shape of the first version of control groups, which the messages have.
    ///
    /// `memory_stats.stats` holds `memory.stat` as it is, and `memory.events` with `events_` before each name.
    func statistics() throws(AgentError) -> AgentCgroupStats {
        guard exists else { throw .badState("the container has no control group") }
        var statistics = AgentCgroupStats()
        let cpu = numbers("cpu.stat")
        func nanoseconds(_ name: String) -> UInt64 {
            let (value, overflow) = (cpu[name] ?? 0).multipliedReportingOverflow(by: 1000)
            return overflow ? .max : value
        }
        statistics.cpuStats.cpuUsage.totalUsage = nanoseconds("usage_usec")
        statistics.cpuStats.cpuUsage.usageInUsermode = nanoseconds("user_usec")
        statistics.cpuStats.cpuUsage.usageInKernelmode = nanoseconds("system_usec")
        statistics.cpuStats.throttlingData.periods = cpu["nr_periods"] ?? 0
        statistics.cpuStats.throttlingData.throttledPeriods = cpu["nr_throttled"] ?? 0
        statistics.cpuStats.throttlingData.throttledTime = nanoseconds("throttled_usec")

        let memory = numbers("memory.stat")
        let events = numbers("memory.events")
        statistics.memoryStats.stats = memory
        for (name, value) in events { statistics.memoryStats.stats["events_\(name)"] = value }
        statistics.memoryStats.cache = memory["file"] ?? 0
        statistics.memoryStats.useHierarchy = true
        statistics.memoryStats.usage.usage = number("memory.current") ?? 0
        statistics.memoryStats.usage.maxUsage = number("memory.peak") ?? 0
        statistics.memoryStats.usage.limit = number("memory.max") ?? .max
        statistics.memoryStats.usage.failcnt = events["max"] ?? 0
        statistics.memoryStats.swapUsage.usage = number("memory.swap.current") ?? 0
        statistics.memoryStats.swapUsage.limit = number("memory.swap.max") ?? .max
        statistics.memoryStats.kernelUsage.usage = memory["kernel"] ?? 0

        statistics.pidsStats.current = number("pids.current") ?? 0
        statistics.pidsStats.limit = number("pids.max") ?? 0
        addDisks(&statistics.blkioStats)
        return statistics
    }

    /// Lines such as `254:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0`.
    private func addDisks(_ statistics: inout AgentBlkioStats) {
        for line in (text("io.stat") ?? "").split(separator: "\n") {
            let words = line.split(separator: " ")
            let device = (words.first ?? "").split(separator: ":")
            guard device.count == 2, let major = UInt64(device[0]), let minor = UInt64(device[1]) else { continue }
            for word in words.dropFirst() {
                let pair = word.split(separator: "=")
                guard pair.count == 2, let value = UInt64(pair[1]) else { continue }
                var entry = AgentBlkioStatsEntry()
                (entry.major, entry.minor, entry.value) = (major, minor, value)
                entry.op = pair[0].hasPrefix("r") ? "Read" : pair[0].hasPrefix("w") ? "Write" : "Discard"
                if pair[0].hasSuffix("bytes") { statistics.ioServiceBytesRecursive.append(entry) }
                if pair[0].hasSuffix("ios") { statistics.ioServicedRecursive.append(entry) }
            }
        }
    }
}
