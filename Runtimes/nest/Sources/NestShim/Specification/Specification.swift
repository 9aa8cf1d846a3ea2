// SPDX-License-Identifier: Apache-2.0
internal import NestModel
internal import NestProtocols
internal import SwiftProtobuf
internal import VMMSysUtil

/// A bundle's config.json: read, checked for what nest does not do, and rewritten for the guest.
struct Specification {
    /// The file's limit, far above any real one.
    static let byteLimit = 8 << 20

    /// What goes to the guest.
    private(set) var guest: OCISpec
    /// The root path as the bundle has it, absolute.
    let rootDirectory: String
    /// The container's limits.
    let limits: ContainerLimits
    /// The host's cgroup; empty for none.
    let cgroupPath: String
    /// What was left out, a line each, for the log.
    private(set) var notes: [String] = []

    /// Reads, checks and rewrites a bundle's specification.
    init(bundle: String, id: String) throws(SpecificationError) {
        let path = "\(bundle)/config.json"
        let bytes: [UInt8]
        do throws(Errno) { bytes = try Files.read(path, limit: Self.byteLimit) } catch {
            throw .unreadable(path, error)
        }
        try self.init(json: bytes, path: path, bundle: bundle, id: id)
    }

    init(json: [UInt8], path: String, bundle: String, id: String) throws(SpecificationError) {
        var options = JSONDecodingOptions()
        options.ignoreUnknownFields = true
        let spec: OCISpec
        do { spec = try OCISpec(jsonUTF8Bytes: json, options: options) } catch {
            throw .malformed(path, Self.oneLine("\(error)"))
        }
        try SpecificationCheck.check(spec)
        try UnreadMembers.check(json)
        limits = Self.limits(of: spec.linux.resources)
        cgroupPath = spec.linux.cgroupsPath
        rootDirectory = spec.root.path.hasPrefix("/") ? spec.root.path : Files.join(bundle, spec.root.path)
        guest = spec
        rewrite(id: id)
    }

    /// The limits that size a VM.
    static func limits(of resources: OCILinuxResources) -> ContainerLimits {
        ContainerLimits(
            memoryBytes: resources.hasMemory ? resources.memory.limit : nil,
            quota: resources.hasCpu ? resources.cpu.quota : nil,
            period: resources.hasCpu ? resources.cpu.period : nil)
    }

    /// A failure that a parser describes over several lines.
    static func oneLine(_ text: String) -> String {
        text.split(whereSeparator: \.isNewline).map { Files.trimmed($0) }.joined(separator: " ")
    }

    private mutating func rewrite(id: String) {
        guest.root.path = ContainerName.guestRoot(id)
        guest.linux.cgroupsPath = "/\(id)"
        // The guest has one network, which is the pod's.
        guest.linux.namespaces.removeAll { $0.type == "network" }
        guest.process = adaptedProcess(guest.process)
        if !guest.linux.mountLabel.isEmpty {
            notes.append("mount label \(guest.linux.mountLabel) left out: the guest has no SELinux")
            guest.linux.mountLabel = ""
        }
        guest.linux.clearIntelRdt()
        var hooks = OCIHooks()
        hooks.startContainer = guest.hooks.startContainer
        if hooks.startContainer.isEmpty { guest.clearHooks() } else { guest.hooks = hooks }
    }

    private mutating func adaptedProcess(_ process: OCIProcess) -> OCIProcess {
        let result = Self.adapted(process)
        if result.apparmorProfile != process.apparmorProfile {
            notes.append("AppArmor profile \(process.apparmorProfile) left out: the guest has no AppArmor")
        }
        if result.selinuxLabel != process.selinuxLabel {
            notes.append("SELinux label \(process.selinuxLabel) left out: the guest has no SELinux")
        }
        return result
    }

    /// A process without what only the host's kernel has.
    static func adapted(_ process: OCIProcess) -> OCIProcess {
        var result = process
        result.apparmorProfile = ""
        result.selinuxLabel = ""
        return result
    }
}

/// What is wrong with a specification.
enum SpecificationError: Error, Equatable, CustomStringConvertible {
    /// The file cannot be read.
    case unreadable(String, Errno)
    /// The file is no specification.
    case malformed(String, String)
    /// It asks for something that nest does not do.
    case unsupported(String)

    /// One line; the client shows it as the reason.
    var description: String { PlainLine.of(reason, byteLimit: 4096) }

    private var reason: String {
        switch self {
        case .unreadable(let path, let errno): "cannot read \(path): \(errno)"
        case .malformed(let path, let reason): "\(path) is no OCI specification: \(reason)"
        case .unsupported(let what): "nest does not support \(what)"
        }
    }
}
