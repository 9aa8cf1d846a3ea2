// SPDX-License-Identifier: Apache-2.0
internal import CNestResources
internal import Glibc
public import VMMSysUtil

/// The cgroup on the host that holds a pod's VMM and shim, in version 2 or 1.
public final class HostCgroup: Sendable {
    /// What its processes use.
    public struct Statistics: Equatable, Sendable {
        /// Bytes of memory, page cache included.
        public var memoryBytes: UInt64
        /// The limit; nil for none.
        public var memoryLimitBytes: UInt64?
        /// Processor time.
        public var cpuNanoseconds: UInt64
        /// Processes and threads.
        public var processCount: UInt64
    }

    /// Its path below the hierarchy's root, as `/proc/PID/cgroup` shows it.
    public let path: String
    private let layout: CgroupLayout
    /// Ancestors that were missing, by directory.
    private let made: [String]
    /// Where this process was, by controller: it goes back there before the group is removed.
    private let home: [String: String]

    /// Whether the host's hierarchy is version 2.
    public static var isV2: Bool { nest_is_cgroup2(CgroupLayout.root) == 1 }

    /// Makes the group, or takes one that is there.
    /// - Parameter path: as a specification's `cgroupsPath` has it: a path, or `slice:prefix:name` of systemd.
    public convenience init(path: String) throws(CgroupError) {
        try self.init(path: path, layout: CgroupLayout.ofHost())
    }

    init(path: String, layout: CgroupLayout) throws(CgroupError) {
        self.path = try CgroupPath.parse(path)
        self.layout = layout
        home = layout.ownPaths()
        made = try layout.make(self.path)
    }

    /// The path that a specification's `cgroupsPath` means.
    public static func path(of text: String) throws(CgroupError) -> String { try CgroupPath.parse(text) }

    /// The files that a process writes `0` to in order to join.
    public var memberFiles: [String] { layout.directories(of: path).map { $0 + "/cgroup.procs" } }

    /// Moves a process in, with all its threads.
    public func join(processID: Int32) throws(CgroupError) {
        for file in memberFiles { try layout.write(file, "\(processID)") }
    }

    /// Limits the memory of all its processes together.
    public func setMemoryMaximum(bytes: UInt64) throws(CgroupError) {
        guard let directory = layout.directory(of: path, controller: "memory") else {
            throw .noController("memory")
        }
        try layout.write(directory + (layout.isV2 ? "/memory.max" : "/memory.limit_in_bytes"), "\(bytes)")
    }

    /// What its processes use at this moment; zeros where a controller is missing.
    public var statistics: Statistics {
        let memory = layout.directory(of: path, controller: "memory")
        let limit = memory.flatMap { layout.number($0 + (layout.isV2 ? "/memory.max" : "/memory.limit_in_bytes")) }
        let usage = memory.flatMap { layout.number($0 + (layout.isV2 ? "/memory.current" : "/memory.usage_in_bytes")) }
        let cpu: UInt64? =
            layout.isV2
            ? layout.directory(of: path, controller: "cpu")
                .flatMap { layout.field("usage_usec", of: $0 + "/cpu.stat") }.map { $0 &* 1000 }
            : layout.directory(of: path, controller: "cpuacct").flatMap { layout.number($0 + "/cpuacct.usage") }
        let processes = layout.directory(of: path, controller: "pids")
            .flatMap { layout.number($0 + "/pids.current") }
        // Version 1 says "no limit" by a number at the end of its range.
        let isLimited = limit.map { $0 < UInt64(1) << 62 } ?? false
        return Statistics(
            memoryBytes: usage ?? 0, memoryLimitBytes: isLimited ? limit : nil, cpuNanoseconds: cpu ?? 0,
            processCount: processes ?? 0)
    }

    /// How many of its processes the kernel has killed for want of memory.
    public var oomKillCount: UInt64 {
        guard let directory = layout.directory(of: path, controller: "memory") else { return 0 }
        return layout.field("oom_kill", of: directory + (layout.isV2 ? "/memory.events" : "/memory.oom_control")) ?? 0
    }

    /// Removes it, and ancestors that it made and that are empty. This process leaves it first; another one that is still in
    /// it gets two seconds to end.
    public func remove() throws(CgroupError) {
        layout.leave(path, to: home)
        var failure: CgroupError?
        for directory in layout.directories(of: path) {
            do throws(CgroupError) { try layout.remove(directory) } catch { failure = error }
        }
        for directory in made.reversed() where !layout.directories(of: path).contains(directory) { rmdir(directory) }
        if let failure { throw failure }
    }
}

/// A specification's `cgroupsPath`.
package enum CgroupPath {
    /// - Returns: an absolute path that names no parent.
    package static func parse(_ text: String) throws(CgroupError) -> String {
        guard !text.isEmpty, !text.utf8.contains(0), text.utf8.count <= 2048 else { throw .badPath(text) }
        var path = text
        // runc's form for systemd, "kubepods-burstable-pod1.slice:cri-containerd:ID"; a directory of the same name
        // is where systemd would put that scope.
        let parts = text.unicodeScalars.split(separator: ":", omittingEmptySubsequences: false).map { Substring($0) }
        if parts.count == 3, !text.hasPrefix("/") {
            guard parts.allSatisfy({ !$0.utf8.contains(UInt8(ascii: "/")) }), !parts[2].isEmpty else {
                throw .badPath(text)
            }
            let slice = parts[0].isEmpty ? "system.slice" : String(parts[0])
            let scope = parts[2].hasSuffix(".slice") ? String(parts[2]) : "\(parts[1])-\(parts[2]).scope"
            path = try expand(slice: slice) + "/" + scope
        }
        // Not by characters: a slash and an accent behind it are one, and no slash.
        let names = path.unicodeScalars.split(separator: "/").map { String($0) }
        guard !names.isEmpty, !names.contains(where: { $0 == "." || $0 == ".." || $0.utf8.count > 255 }) else {
            throw .badPath(text)
        }
        return "/" + names.joined(separator: "/")
    }

    /// `a-b.slice` lies in `a.slice` (systemd.slice(5)).
    private static func expand(slice: String) throws(CgroupError) -> String {
        guard slice.hasSuffix(".slice") else { throw .badPath(slice) }
        if slice == "-.slice" { return "" }
        var path = ""
        var prefix = ""
        for part in slice.dropLast(".slice".count).split(separator: "-", omittingEmptySubsequences: false) {
            guard !part.isEmpty else { throw .badPath(slice) }
            prefix += (prefix.isEmpty ? "" : "-") + part
            path += "/\(prefix).slice"
        }
        return path
    }
}

/// Why a cgroup cannot be used.
public enum CgroupError: Error, Equatable, Sendable {
    /// The specification's path is not one.
    case badPath(String)
    /// The host has no cgroups mounted under `/sys/fs/cgroup`.
    case notMounted
    /// The host lacks a controller.
    case noController(String)
    /// An operation on a file or directory failed.
    case failed(operation: String, path: String, Errno)
}

extension CgroupError: CustomStringConvertible {
    /// One line for the client.
    public var description: String {
        switch self {
        case .badPath(let path): "'\(path)' is no path of a cgroup"
        case .notMounted: "no cgroups are mounted on /sys/fs/cgroup"
        case .noController(let name): "the host has no cgroup controller '\(name)'"
        case .failed(let operation, let path, let error): "cannot \(operation) \(path): \(error)"
        }
    }
}
