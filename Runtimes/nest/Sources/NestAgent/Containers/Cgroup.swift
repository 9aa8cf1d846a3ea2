// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import VMMSysUtil

/// The control group (version 2) of one container. crun makes it, the agent reads and steers it.
struct Cgroup: Sendable {
    /// Where the hierarchy is mounted.
    static let hierarchy = "/sys/fs/cgroup"

    /// Below the root of the hierarchy, for crun.
    let path: String
    var directory: String { "\(Self.hierarchy)\(path)" }

    init(container: String) { path = "/containers/\(container)" }

    private func file(_ name: String) -> String { "\(directory)/\(name)" }

    var exists: Bool { access(directory, F_OK) == 0 }

    /// The number in a file; nil if there is none, `max` included.
    func number(_ name: String) -> UInt64? { Files.text(file(name)).flatMap { UInt64($0.trimmed) } }

    /// The lines `name number` of a file.
    func numbers(_ name: String) -> [String: UInt64] {
        var numbers: [String: UInt64] = [:]
        for line in (Files.text(file(name)) ?? "").split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count == 2, let value = UInt64(words[1]) { numbers[String(words[0])] = value }
        }
        return numbers
    }

    func text(_ name: String) -> String? { Files.text(file(name)) }

    /// Ends every process of the group, in groups below it too.
    func killAll() throws(AgentError) { try Files.set(file("cgroup.kill"), "1") }

    /// Sends a signal to every process of the group. It is held still meanwhile, so that none is missed that another has
    /// just made.
    func signalAll(_ number: Int32) throws(AgentError) {
        if number == SIGKILL { return try killAll() }
        let wasFrozen = isFrozen
        if !wasFrozen { try freeze(true) }
        defer { if !wasFrozen { try? freeze(false) } }
        for process in processes(below: directory, depth: 0) { kill(process, number) }
    }

    private func processes(below directory: String, depth: Int) -> [pid_t] {
        var found = (Files.text("\(directory)/cgroup.procs") ?? "").split(separator: "\n").compactMap { pid_t($0) }
        // 0 is a process of another namespace: to kill(2) it would mean our own group.
        found.removeAll { $0 <= 0 }
        guard depth < 16 else { return found }
        for name in Directory.names(in: directory) {
            var status = stat()
            let path = "\(directory)/\(name)"
            if lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
                found += processes(below: path, depth: depth + 1)
            }
        }
        return found
    }

    var isFrozen: Bool { text("cgroup.freeze")?.trimmed == "1" }

    /// Holds every process still, or lets them go on; waits until they do.
    func freeze(_ isFrozen: Bool, timeout: Duration = .seconds(10)) throws(AgentError) {
        try wait(for: "frozen \(isFrozen ? 1 : 0)\n", timeout, to: isFrozen ? "freeze" : "thaw") {
            try? Files.set(file("cgroup.freeze"), isFrozen ? "1" : "0")
        }
    }

    /// Waits until the last process has ended.
    func waitUntilEmpty(timeout: Duration) throws(AgentError) {
        try wait(for: "populated 0\n", timeout, to: "wait for the processes of") {}
    }

    /// Waits until `cgroup.events` has a line, after an action that is to bring it about.
    private func wait(
        for line: String, _ timeout: Duration, to operation: String, _ action: () -> Void
    ) throws(AgentError) {
        let deadline = Deadline(after: timeout)
        do throws(Errno) {
            let watch = try FileDescriptor.open(file("cgroup.events"))
            let number = watch.rawValue
            action()
            while true {
                // Reading through the watched file is what arms the next notice.
                var bytes = [UInt8](repeating: 0, count: 256)
                let count = try retryOnInterrupt { pread(number, &bytes, 256, 0) }
                if String(decoding: bytes[..<count], as: UTF8.self).contains(line) { return }
                let left = deadline.pollMilliseconds
                guard left > 0 else { throw .timedOut }
                var wait = pollfd(fd: number, events: Int16(POLLPRI), revents: 0)
                try retryOnInterrupt { poll(&wait, 1, left) }
            }
        } catch {
            throw .system(operation: operation, subject: directory, error)
        }
    }

    /// Removes the group with those below it; its processes must have ended.
    func remove() {
        Self.removeGroups(directory, depth: 0)
    }

    private static func removeGroups(_ directory: String, depth: Int) {
        guard depth < 16 else { return }
        if rmdir(directory) == 0 || errno == ENOENT { return }
        for name in Directory.names(in: directory) {
            var status = stat()
            let path = "\(directory)/\(name)"
            if lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR { removeGroups(path, depth: depth + 1) }
        }
        rmdir(directory)
    }
}
