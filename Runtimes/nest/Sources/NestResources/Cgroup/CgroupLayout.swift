// SPDX-License-Identifier: Apache-2.0
internal import CNestResources
internal import Glibc
internal import VMMSysUtil

/// Where the host has its hierarchies: one for all controllers (version 2), or one for each (version 1).
struct CgroupLayout: Sendable {
    static let root = "/sys/fs/cgroup"
    /// The controllers that we use, and those of version 1 that a container's manager expects processes to be in.
    static let wanted = ["memory", "cpu", "pids", "cpuacct", "cpuset", "blkio", "devices", "freezer", "systemd"]

    let isV2: Bool
    /// The hierarchies' roots by controller; version 2 has one, under an empty name.
    let roots: [String: String]

    static func ofHost() throws(CgroupError) -> CgroupLayout {
        if HostCgroup.isV2 { return CgroupLayout(isV2: true, roots: ["": root]) }
        var roots: [String: String] = [:]
        for controller in wanted {
            var status = stat()
            // cpu and cpuacct are often links to one directory "cpu,cpuacct".
            if stat("\(root)/\(controller)/cgroup.procs", &status) == 0 { roots[controller] = "\(root)/\(controller)" }
        }
        guard !roots.isEmpty else { throw .notMounted }
        return CgroupLayout(isV2: false, roots: roots)
    }

    /// The group's directory in each hierarchy.
    func directories(of path: String) -> [String] { roots.keys.sorted().compactMap { roots[$0] }.map { $0 + path } }

    func directory(of path: String, controller: String) -> String? {
        guard let root = roots[isV2 ? "" : controller] else { return nil }
        return root + path
    }

    /// Makes the group everywhere.
    /// - Returns: the directories that were missing.
    func make(_ path: String) throws(CgroupError) -> [String] {
        var made: [String] = []
        for key in roots.keys.sorted() {
            guard let root = roots[key] else { continue }
            var current = root
            for part in path.split(separator: "/") {
                if isV2 { delegate(current) }
                let parent = current
                current += "/" + part
                // Another pod that removes an empty parent at this moment is why it is tried again.
                for attempt in 0..<8 {
                    if mkdir(current, 0o755) == 0 {
                        made.append(current)
                        break
                    }
                    let error = Errno.last
                    if error == .exists { break }
                    guard error == .noSuchFile, attempt < 7 else {
                        throw .failed(operation: "make the cgroup", path: current, error)
                    }
                    mkdir(parent, 0o755)
                }
                if key == "cpuset" { copyCpuset(from: parent, to: current) }
            }
        }
        return made
    }

    /// Hands controllers down, those that the parent has itself. One that cannot be handed down (a real-time process, a
    /// process in the parent) is then missing for statistics and limits, which say so themselves.
    private func delegate(_ directory: String) {
        guard let has = text(directory + "/cgroup.controllers") else { return }
        let enabled = Set((text(directory + "/cgroup.subtree_control") ?? "").split { $0 == " " || $0 == "\n" })
        for controller in has.split(whereSeparator: { $0 == " " || $0 == "\n" }) {
            guard Self.wanted.contains(String(controller)) || controller == "io", !enabled.contains(controller) else {
                continue
            }
            try? writeControl(directory + "/cgroup.subtree_control", "+\(controller)")
        }
    }

    /// Version 1 makes a cpuset empty, and an empty one takes no process.
    private func copyCpuset(from parent: String, to child: String) {
        for name in ["cpuset.cpus", "cpuset.mems"] {
            guard let now = text("\(child)/\(name)"), now.allSatisfy({ $0 == "\n" }) else { continue }
            if let value = text("\(parent)/\(name)") { try? writeControl("\(child)/\(name)", value) }
        }
    }

    /// Where this process is, by hierarchy.
    func ownPaths() -> [String: String] {
        var paths: [String: String] = [:]
        for line in (text("/proc/self/cgroup") ?? "").split(separator: "\n") {
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { continue }
            if isV2 && fields[1].isEmpty { paths[""] = String(fields[2]) }
            for controller in fields[1].split(separator: ",") {
                let name = controller.hasPrefix("name=") ? controller.dropFirst(5) : controller
                paths[String(name)] = String(fields[2])
            }
        }
        return paths
    }

    /// Takes this process out of a group that is to be removed, back to where it was; to the root where that is gone.
    func leave(_ path: String, to home: [String: String]) {
        for (key, own) in ownPaths() where own == path {
            guard let root = roots[key] else { continue }
            let old = home[key] ?? "/"
            if old != path, (try? writeControl("\(root)\(old)/cgroup.procs", "0")) != nil { continue }
            try? writeControl("\(root)/cgroup.procs", "0")
        }
    }

    /// Removes one directory; busy ones are tried for two seconds.
    func remove(_ directory: String) throws(CgroupError) {
        let deadline = Deadline(after: .seconds(2))
        while true {
            if rmdir(directory) == 0 { return }
            let error = Errno.last
            if error == .noSuchFile { return }
            guard error == .busy, !deadline.hasPassed else {
                throw .failed(operation: "remove the cgroup", path: directory, error)
            }
            Thread.sleep(for: .milliseconds(5))
        }
    }

    func write(_ path: String, _ text: String) throws(CgroupError) {
        do throws(Errno) { try writeControl(path, text) } catch {
            throw .failed(operation: "write \(text) to", path: path, error)
        }
    }

    func number(_ path: String) -> UInt64? {
        text(path).flatMap { UInt64($0.prefix { $0 != "\n" }) }
    }

    /// The number behind a name in a file of `name number` lines.
    func field(_ name: String, of path: String) -> UInt64? {
        for line in (text(path) ?? "").split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count == 2, words[0] == name { return UInt64(words[1]) }
        }
        return nil
    }

    /// A control file's text.
    private func text(_ path: String) -> String? {
        guard let file = try? FileDescriptor.open(path) else { return nil }
        var bytes = [UInt8](repeating: 0, count: 16384)
        guard let count = try? readOnce(file, into: &bytes) else { return nil }
        return String(decoding: bytes[..<count], as: UTF8.self)
    }
}
