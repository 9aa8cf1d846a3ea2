// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import VMMSysUtil

/// Puts processors and memory to use that the machine got while it runs.
enum Hotplug {
    /// How long a processor may take to appear.
    private static let timeout: Duration = .seconds(3)

    /// - Parameters:
    ///   - processors: how many shall be brought up; zero for all that are there.
    ///   - waits: until so many have appeared.
    static func online(processors: UInt32, memoryToo: Bool, waits: Bool) throws(AgentError) {
        let deadline = Deadline(after: timeout)
        var count = bringUp("/sys/devices/system/cpu", "cpu", "online", "0", "1")
        while waits, count < processors, !deadline.hasPassed {
            usleep(10_000)
            count += bringUp("/sys/devices/system/cpu", "cpu", "online", "0", "1")
        }
        if memoryToo { _ = bringUp("/sys/devices/system/memory", "memory", "state", "offline", "online") }
        guard !waits || count >= processors else {
            throw .timedOut("\(count) of \(processors) processors came up within \(timeout)")
        }
    }

    /// - Returns: how many were switched on.
    private static func bringUp(_ directory: String, _ prefix: String, _ file: String, _ off: String, _ on: String)
        -> UInt32
    {
        var count: UInt32 = 0
        for name in Directory.names(in: directory)
        where name.hasPrefix(prefix) && UInt32(name.dropFirst(prefix.count)) != nil {
            let path = "\(directory)/\(name)/\(file)"
            guard Files.text(path)?.trimmed == off[...] else { continue }
            if (try? Files.set(path, on)) != nil { count &+= 1 }
        }
        return count
    }
}
