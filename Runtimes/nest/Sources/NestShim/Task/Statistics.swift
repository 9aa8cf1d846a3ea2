// SPDX-License-Identifier: Apache-2.0
package import NestProtocols

/// The agent's statistics as a client expects them: in the form of the host's cgroups, whichever the guest has.
///
/// The guest's cgroups are version 2: `stats` holds the lines of its memory.stat by their names.
package enum Statistics {
    package static func version1(_ response: AgentStatsContainerResponse) -> CgroupV1Metrics {
        let cgroup = response.cgroupStats
        var metrics = CgroupV1Metrics()
        metrics.pids.current = cgroup.pidsStats.current
        metrics.pids.limit = cgroup.pidsStats.limit
        let usage = cgroup.cpuStats.cpuUsage
        metrics.cpu.usage.total = usage.totalUsage
        metrics.cpu.usage.kernel = usage.usageInKernelmode
        metrics.cpu.usage.user = usage.usageInUsermode
        metrics.cpu.usage.perCpu = usage.percpuUsage
        metrics.cpu.throttling.periods = cgroup.cpuStats.throttlingData.periods
        metrics.cpu.throttling.throttledPeriods = cgroup.cpuStats.throttlingData.throttledPeriods
        metrics.cpu.throttling.throttledTime = cgroup.cpuStats.throttlingData.throttledTime
        metrics.memory = memory1(cgroup.memoryStats)
        metrics.blkio.ioServiceBytesRecursive = cgroup.blkioStats.ioServiceBytesRecursive.map(entry1)
        metrics.blkio.ioServicedRecursive = cgroup.blkioStats.ioServicedRecursive.map(entry1)
        metrics.network = response.networkStats.map { network in
            var result = CgroupNetworkStat()
            result.name = network.name
            result.rxBytes = network.rxBytes
            result.rxPackets = network.rxPackets
            result.rxErrors = network.rxErrors
            result.rxDropped = network.rxDropped
            result.txBytes = network.txBytes
            result.txPackets = network.txPackets
            result.txErrors = network.txErrors
            result.txDropped = network.txDropped
            return result
        }
        return metrics
    }

    private static func memory1(_ memory: AgentMemoryStats) -> CgroupV1Memory {
        func value(_ name: String) -> UInt64 { memory.stats[name] ?? 0 }
        var result = CgroupV1Memory()
        result.cache = value("file")
        result.rss = value("anon")
        result.rssHuge = value("anon_thp")
        result.mappedFile = value("file_mapped")
        result.dirty = value("file_dirty")
        result.writeback = value("file_writeback")
        result.pgfault = value("pgfault")
        result.pgmajfault = value("pgmajfault")
        result.inactiveAnon = value("inactive_anon")
        result.activeAnon = value("active_anon")
        result.inactiveFile = value("inactive_file")
        result.activeFile = value("active_file")
        result.unevictable = value("unevictable")
        result.hierarchicalMemoryLimit = memory.usage.limit
        result.totalCache = result.cache
        result.totalRss = result.rss
        result.totalRssHuge = result.rssHuge
        result.totalMappedFile = result.mappedFile
        result.totalDirty = result.dirty
        result.totalWriteback = result.writeback
        result.totalPgfault = result.pgfault
        result.totalPgmajfault = result.pgmajfault
        result.totalInactiveAnon = result.inactiveAnon
        result.totalActiveAnon = result.activeAnon
        result.totalInactiveFile = result.inactiveFile
        result.totalActiveFile = result.activeFile
        result.totalUnevictable = result.unevictable
        result.usage = entry1(memory.usage)
        result.swap = entry1(memory.swapUsage)
        result.kernel = entry1(memory.kernelUsage)
        return result
    }

    private static func entry1(_ data: AgentMemoryData) -> CgroupV1MemoryEntry {
        var entry = CgroupV1MemoryEntry()
        entry.usage = data.usage
        entry.limit = data.limit
        entry.max = data.maxUsage
        entry.failcnt = data.failcnt
        return entry
    }

    private static func entry1(_ entry: AgentBlkioStatsEntry) -> CgroupV1BlkIOEntry {
        var result = CgroupV1BlkIOEntry()
        result.op = entry.op
        result.major = entry.major
        result.minor = entry.minor
        result.value = entry.value
        return result
    }

    package static func version2(_ response: AgentStatsContainerResponse) -> CgroupV2Metrics {
        let cgroup = response.cgroupStats
        var metrics = CgroupV2Metrics()
        metrics.pids.current = cgroup.pidsStats.current
        metrics.pids.limit = cgroup.pidsStats.limit
        // Nanoseconds to microseconds.
        metrics.cpu.usageUsec = cgroup.cpuStats.cpuUsage.totalUsage / 1000
        metrics.cpu.userUsec = cgroup.cpuStats.cpuUsage.usageInUsermode / 1000
        metrics.cpu.systemUsec = cgroup.cpuStats.cpuUsage.usageInKernelmode / 1000
        metrics.cpu.nrPeriods = cgroup.cpuStats.throttlingData.periods
        metrics.cpu.nrThrottled = cgroup.cpuStats.throttlingData.throttledPeriods
        metrics.cpu.throttledUsec = cgroup.cpuStats.throttlingData.throttledTime / 1000
        metrics.memory = memory2(cgroup.memoryStats)
        metrics.io.usage = io2(cgroup.blkioStats)
        return metrics
    }

    private static func memory2(_ memory: AgentMemoryStats) -> CgroupV2Memory {
        func value(_ name: String) -> UInt64 { memory.stats[name] ?? 0 }
        var result = CgroupV2Memory()
        result.anon = value("anon")
        result.file = value("file")
        result.kernelStack = value("kernel_stack")
        result.slab = value("slab")
        result.sock = value("sock")
        result.shmem = value("shmem")
        result.fileMapped = value("file_mapped")
        result.fileDirty = value("file_dirty")
        result.fileWriteback = value("file_writeback")
        result.anonThp = value("anon_thp")
        result.inactiveAnon = value("inactive_anon")
        result.activeAnon = value("active_anon")
        result.inactiveFile = value("inactive_file")
        result.activeFile = value("active_file")
        result.unevictable = value("unevictable")
        result.slabReclaimable = value("slab_reclaimable")
        result.slabUnreclaimable = value("slab_unreclaimable")
        result.pgfault = value("pgfault")
        result.pgmajfault = value("pgmajfault")
        result.usage = memory.usage.usage
        result.usageLimit = memory.usage.limit
        result.maxUsage = memory.usage.maxUsage
        result.swapUsage = memory.swapUsage.usage
        result.swapLimit = memory.swapUsage.limit
        return result
    }

    /// One entry a device, as io.stat has them.
    private static func io2(_ io: AgentBlkioStats) -> [CgroupV2IOEntry] {
        var entries: [[UInt64]: CgroupV2IOEntry] = [:]
        func add(
            _ list: [AgentBlkioStatsEntry], read: WritableKeyPath<CgroupV2IOEntry, UInt64>,
            write: WritableKeyPath<CgroupV2IOEntry, UInt64>
        ) {
            for item in list {
                var entry = entries[[item.major, item.minor]] ?? CgroupV2IOEntry()
                entry.major = item.major
                entry.minor = item.minor
                switch item.op.lowercased() {
                case "read": entry[keyPath: read] = item.value
                case "write": entry[keyPath: write] = item.value
                default: continue
                }
                entries[[item.major, item.minor]] = entry
            }
        }
        add(io.ioServiceBytesRecursive, read: \.rbytes, write: \.wbytes)
        add(io.ioServicedRecursive, read: \.rios, write: \.wios)
        return entries.values.sorted { ($0.major, $0.minor) < ($1.major, $1.minor) }
    }
}
