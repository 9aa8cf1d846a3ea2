// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import NestResources
internal import VMMSysUtil

extension Check {
    /// What the shim needs of the host's kernel and of its programs.
    static let resourceChecks = [
        Check(name: "cgroup") { _ in cgroupVerdict(mounts: contents(of: "/proc/self/mounts") ?? "") },
        Check(name: "namespaces") { _ in
            runs(
                ["unshare", "--mount", "--pid", "--net", "--fork", "true"], good: "mount, pid and network",
                mend: "run it as root outside of a container, on a kernel with namespaces")
        },
        Check(name: "overlay") { _ in
            let types = (contents(of: "/proc/filesystems") ?? "").split(whereSeparator: \.isWhitespace)
            return types.contains("overlay")
                ? .good("the kernel has it") : .bad("the kernel does not have it loaded", mend: "modprobe overlay")
        },
        Check(name: "mkfs.erofs") { _ in program("mkfs.erofs", package: "erofs-utils", for: "root images") },
        Check(name: "mkfs.ext4") { _ in program("mkfs.ext4", package: "e2fsprogs", for: "scratch disks") },
        Check(name: "store") { host in storeVerdict(host.settings.imageCacheDirectory) },
        Check(name: "containerd") { _ in
            program("containerd", package: "containerd", for: "pulling images and starting containers")
        },
    ]

    /// Limits of memory and processors hold for the machine as a whole, on the host.
    private static func cgroupVerdict(mounts: String) -> Verdict {
        let fields = mounts.split(separator: "\n").map { $0.split(separator: " ") }.filter { $0.count >= 4 }
        let missing = "the memory controller is off"
        if let unified = fields.first(where: { $0[2] == "cgroup2" }), !fields.contains(where: { $0[2] == "cgroup" }) {
            let controllers = (contents(of: "\(unified[1])/cgroup.controllers") ?? "").split(
                whereSeparator: \.isWhitespace)
            return controllers.contains("memory")
                ? .good("version 2: \(controllers.joined(separator: " "))")
                : .bad("version 2, but \(missing)", mend: "boot with cgroup_enable=memory")
        }
        let first = fields.contains { $0[2] == "cgroup" && $0[3].split(separator: ",").contains("memory") }
        if first { return .good("version 1, with the memory controller") }
        return fields.contains { $0[2] == "cgroup" }
            ? .bad("version 1, but \(missing)", mend: "boot with cgroup_enable=memory")
            : .bad("no cgroup file system is mounted", mend: "mount -t cgroup2 cgroup2 /sys/fs/cgroup")
    }

    /// Root images and the scratch template lie there.
    private static func storeVerdict(_ path: String) -> Verdict {
        var existing = path
        while !isAccessible(existing, F_OK), existing != "/" { existing = folder(of: existing) }
        guard isAccessible(existing, W_OK) else {
            return .bad("\(existing) cannot be written", mend: "mount a writable file system on \(path)")
        }
        var status = statvfs()
        guard statvfs(existing, &status) == 0 else {
            return .bad("\(existing): \(Errno.last)", mend: "mount a file system on \(path)")
        }
        let free = UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize)).partialValue >> 20
        return free >= 1024
            ? .good("\(path): \(free >> 10) GiB free")
            : .bad("\(path): only \(free) MiB free, root images need more", mend: "mount a larger disk on \(path)")
    }

    private static func program(_ name: String, package: String, for purpose: String) -> Verdict {
        if let path = find(program: name, in: searchPath) { return .good(path) }
        return .bad("not found; it is needed for \(purpose)", mend: "apt-get install \(package)")
    }

    private static func runs(_ arguments: [String], good: String, mend: String) -> Verdict {
        do throws(Errno) {
            let process = try ChildProcess.run(arguments, limit: .seconds(10))
            return process.status == 0 ? .good(good) : .bad(process.lastLine, mend: mend)
        } catch {
            return .bad("\(arguments.joined(separator: " ")): \(error)", mend: mend)
        }
    }
}
