// SPDX-License-Identifier: Apache-2.0
internal import CNestAgent
internal import Glibc
internal import VMMSysUtil

/// What the first process of a machine does before and after all else.
enum Boot {
    /// Makes a system of a root file system: mounts, links, control groups, loopback, limits.
    static func prepare(_ log: AgentLog) throws(AgentError) {
        openStandardStreams()
        umask(0o022)
        setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1)
        let started = Deadline.now
        try mountAll()
        openStandardStreams()
        try makeLinks()
        let mounted = Deadline.now
        try ControlGroups.prepare(log)
        let (mounting, grouping) = ((mounted - started).microseconds, mounted.elapsed.microseconds)
        log.info("mounts took \(mounting) µs, control groups \(grouping) µs")
        // A container's limit is its control group's, as on a host with memory to spare: asking for more than the machine
        // has must not fail where using more than the limit would end the process.
        do throws(AgentError) { try Files.set("/proc/sys/vm/overcommit_memory", "1") } catch { log.warn("\(error)") }
        // With huge pages the kernel keeps 5% of the memory free, up to 45 MiB, which then no container can use.
        do throws(AgentError) { try Files.set("/proc/sys/vm/min_free_kbytes", "2048") } catch { log.warn("\(error)") }
        if nest_loopback_up() < 0 { log.error("cannot bring up the loopback interface: \(Errno.last)") }
        if nest_raise_limits() < 0 { log.warn("cannot raise the limits: \(Errno.last)") }
        if nest_disable_ctrl_alt_del() < 0 { log.warn("cannot disable ctrl-alt-del: \(Errno.last)") }
        let name = "nest"
        if sethostname(name, name.utf8.count) < 0 { log.warn("cannot set the host name: \(Errno.last)") }
    }

    /// Turns the machine off. What is left on its disks is written first.
    static func powerOff() -> Never {
        sync()
        reboot(Int32(RB_POWER_OFF))
        // Not reached while the kernel can turn the machine off.
        while true { pause() }
    }

    private static func mountAll() throws(AgentError) {
        let kernel = ["nosuid", "nodev", "noexec"]
        let mounts: [(type: String, place: String, options: [String])] = [
            ("proc", "/proc", kernel),
            ("sysfs", "/sys", kernel),
            ("devtmpfs", "/dev", ["nosuid"]),
            ("devpts", "/dev/pts", ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]),
            ("tmpfs", "/dev/shm", ["nosuid", "nodev", "mode=1777"]),
            ("mqueue", "/dev/mqueue", kernel),
            ("tmpfs", "/run", ["nosuid", "nodev", "mode=0755"]),
            ("tmpfs", "/tmp", ["nosuid", "nodev", "mode=1777"]),
            ("cgroup2", ControlGroups.place, kernel + ["nsdelegate"]),
        ]
        let mounted = mountedPlaces()
        for (type, place, options) in mounts where !mounted.contains(place) {
            // Mounts, namespaces and control groups wait for the kernel's readers: with few processors that takes no longer
            // than asking each of them.
            if type == "devpts" { try? Files.set("/sys/kernel/rcu_expedited", "1") }
            do throws(AgentError) {
                try mountFileSystem(type, from: type, on: place, MountOptions(options))
            } catch .system(_, _, .noSuchDevice) where type == "mqueue" {
                // A kernel without message queues; a container that wants them is refused by crun.
            }
        }
    }

    /// Where something is mounted already, by the loader.
    private static func mountedPlaces() -> Set<String> {
        guard let mounts = Files.text("/proc/self/mounts") else { return [] }
        return Set(
            mounts.split(separator: "\n").compactMap { $0.split(separator: " ").dropFirst().first.map(String.init) })
    }

    private static func makeLinks() throws(AgentError) {
        let links = [
            ("/dev/ptmx", "pts/ptmx"), ("/dev/fd", "/proc/self/fd"), ("/dev/stdin", "/proc/self/fd/0"),
            ("/dev/stdout", "/proc/self/fd/1"), ("/dev/stderr", "/proc/self/fd/2"),
        ]
        for (name, target) in links {
            // devtmpfs brings a ptmx that belongs to no instance.
            if name == "/dev/ptmx" { unlink(name) }
            if symlink(target, name) < 0, errno != EEXIST {
                throw .system(operation: "make the link", subject: name, .last)
            }
        }
    }

    /// Whatever is opened later must not become a standard stream.
    private static func openStandardStreams() {
        for number in Int32(0)...2 where fcntl(number, F_GETFD) < 0 {
            let console = open(number == 0 ? "/dev/null" : "/dev/console", O_RDWR | O_NOCTTY)
            if console >= 0, console != number {
                dup2(console, number)
                close(console)
            }
        }
    }
}

/// The machine's control groups: all controllers, and the agent out of the way.
enum ControlGroups {
    static let place = "/sys/fs/cgroup"

    static func prepare(_ log: AgentLog) throws(AgentError) {
        // A group whose controllers are passed on holds no processes itself, so the agent has one of its own.
        try Files.makeDirectories("\(place)/agent")
        try Files.set("\(place)/agent/cgroup.procs", "0")
        try Files.makeDirectories("\(place)/containers")
        for directory in [place, "\(place)/containers"] {
            let names = Files.text("\(directory)/cgroup.controllers") ?? ""
            let controllers = names.split(whereSeparator: \.isWhitespace).map { "+\($0)" }
            let control = "\(directory)/cgroup.subtree_control"
            // All at once, as each write stops the world; one by one if there is one among them that cannot be had.
            if (try? Files.set(control, controllers.joined(separator: " "))) != nil { continue }
            for name in controllers {
                do throws(AgentError) { try Files.set(control, name) } catch {
                    log.warn("controller \(name): \(error)")
                }
            }
        }
        // However many processes containers make, the agent can have another thread and start another program.
        if let most = Files.text("/proc/sys/kernel/threads-max").flatMap({ Int($0.trimmed) }), most > 512 {
            try? Files.set("\(place)/containers/pids.max", String(most - 256))
        }
    }
}
