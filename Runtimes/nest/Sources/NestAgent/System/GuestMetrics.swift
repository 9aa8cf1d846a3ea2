// SPDX-License-Identifier: Apache-2.0
internal import NestProtocols

/// What Prometheus wants to know of a guest, in its text format.
enum GuestMetrics {
    static func text(containers: Int) -> String {
        var lines = ["# TYPE nest_guest_containers gauge", "nest_guest_containers \(containers)"]
        lines.append("# TYPE nest_guest_meminfo_bytes gauge")
        for line in (Files.text("/proc/meminfo") ?? "").split(separator: "\n") {
            let words = line.split(whereSeparator: { $0 == ":" || $0 == " " })
            guard words.count == 3, let value = UInt64(words[1]) else { continue }
            let name = words[0].map { $0 == "(" || $0 == ")" ? "_" : $0.lowercased() }.joined()
            lines.append(
                "nest_guest_meminfo_bytes{item=\"\(name)\"} \(value.multipliedReportingOverflow(by: 1024).partialValue)"
            )
        }
        let load = (Files.text("/proc/loadavg") ?? "").split(separator: " ")
        lines.append("# TYPE nest_guest_load gauge")
        for (name, value) in zip(["load1", "load5", "load15"], load) {
            lines.append("nest_guest_load{item=\"\(name)\"} \(value)")
        }
        lines.append("# TYPE nest_agent_memory_bytes gauge")
        for line in (Files.text("/proc/self/status") ?? "").split(separator: "\n") {
            let words = line.split(whereSeparator: { $0 == ":" || $0 == " " || $0 == "\t" })
            guard words.count == 3, words[0] == "VmRSS" || words[0] == "RssAnon", let value = UInt64(words[1]) else {
                continue
            }
            lines.append("nest_agent_memory_bytes{item=\"\(words[0].lowercased())\"} \(value &* 1024)")
        }
        return lines.joined(separator: "\n") + "\n"
    }
}

/// Counters of the guest's network interfaces, which its containers share.
enum NetworkStatistics {
    static func read() -> [AgentNetworkStats] {
        (Files.text("/proc/net/dev") ?? "").split(separator: "\n").compactMap { line in
            let words = line.split(whereSeparator: { $0 == ":" || $0 == " " })
            guard line.contains(":"), words.count >= 13, words[0] != "lo" else { return nil }
            let numbers = words.dropFirst().prefix(12).map { UInt64($0) ?? 0 }
            var statistics = AgentNetworkStats()
            statistics.name = String(words[0])
            (statistics.rxBytes, statistics.rxPackets) = (numbers[0], numbers[1])
            (statistics.rxErrors, statistics.rxDropped) = (numbers[2], numbers[3])
            (statistics.txBytes, statistics.txPackets) = (numbers[8], numbers[9])
            (statistics.txErrors, statistics.txDropped) = (numbers[10], numbers[11])
            return statistics
        }
    }
}
