// SPDX-License-Identifier: Apache-2.0
public import VMMSysUtil

/// Why there is no VM, or no connection to its guest.
public enum HypervisorError: Error, Equatable, Sendable {
    /// The plan asks for what the VMM does not take.
    case badPlan(String)
    /// A file of the host cannot be used.
    case file(operation: String, path: String, Errno)
    /// The VMM's user may not read the file.
    case unreadable(path: String)
    /// All user ids are in use.
    case noUser(count: Int)
    /// A step of the jail failed.
    case jail(step: JailStep, subject: String, Errno)
    /// The VMM ended before it was up; the last lines it wrote.
    case ended(VMEnd, lines: [String])
    /// The VMM did not answer in time; the last lines it wrote.
    case noAnswer(seconds: Int, lines: [String])
    /// What the VMM has where its socket should be is something else.
    case forgedSocket(String)
    /// Nobody in the guest listens on the port.
    case notListening(port: UInt32)
    /// The VMM's answer is not of the protocol.
    case badAnswer(port: UInt32)
    /// The connection failed.
    case connection(port: UInt32, Errno)
}

extension HypervisorError: CustomStringConvertible {
    /// One line for the client.
    public var description: String {
        switch self {
        case .badPlan(let why): "cannot start the VMM: \(why)"
        case .file(let operation, let path, let error): "cannot start the VMM: cannot \(operation) \(path): \(error)"
        case .unreadable(let path):
            "cannot start the VMM: \(path) is not readable by its user: chmod a+r \(path)"
        case .noUser(let count):
            "cannot start the VMM: all \(count) user ids are in use: raise users in [vm] of the configuration"
        case .jail(let step, let subject, let error):
            "cannot start the VMM: \(step.rawValue)\(subject.isEmpty ? "" : " " + subject): \(error)"
                + (step == .execute && error == .noSuchFile ? ": is it a static executable?" : "")
        case .ended(let end, let lines): "the VMM ended before it was up, \(end)\(Self.quote(lines))"
        case .noAnswer(let seconds, let lines): "the VMM did not answer in \(seconds) seconds\(Self.quote(lines))"
        case .forgedSocket(let name): "the VMM has something else where its socket \(name) should be"
        case .notListening(let port): "nobody in the guest listens on port \(port)"
        case .badAnswer(let port): "the VMM's answer to a connection to port \(port) is not of the protocol"
        case .connection(let port, let error): "cannot connect to the guest's port \(port): \(error)"
        }
    }

    private static func quote(_ lines: [String]) -> String {
        lines.isEmpty ? "" : ": " + lines.joined(separator: " | ")
    }
}

/// What the jail does between clone and exec.
public enum JailStep: String, Sendable, CaseIterable {
    /// A process in namespaces of its own.
    case clone
    /// It is to die with the shim.
    case follow = "follow the shim"
    /// Standard streams and signals.
    case streams = "standard streams"
    /// Into the container's cgroup.
    case cgroup = "join the cgroup"
    /// Mounts that the host does not see.
    case privateMounts = "private mounts"
    /// An empty root.
    case root = "mount the root"
    /// `/dev/kvm`.
    case devices = "make /dev/kvm"
    /// Directories in the root.
    case directory = "make directories"
    /// A file of the host.
    case file = "bind"
    /// The VMM's configuration.
    case config = "write /config.json"
    /// Out of the host's root.
    case pivot = "pivot_root"
    /// Nothing can be changed from here on.
    case readOnly = "make the root read-only"
    /// Resource limits.
    case limits = "resource limits"
    /// No capability, now or ever.
    case capabilities
    /// The VM's own user.
    case user = "change the user"
    /// Only the standard streams stay open.
    case descriptors = "close descriptors"
    /// The VMM.
    case execute = "execute"
}

/// How a VMM ended.
public enum VMEnd: Equatable, Sendable, CustomStringConvertible {
    /// By itself, with this status; 0 when the guest was powered off.
    case exited(status: Int32)
    /// By a signal.
    case signalled(Int32)

    /// `with status 1`, `by signal 9`.
    public var description: String {
        switch self {
        case .exited(let status): "with status \(status)"
        case .signalled(let signal): "by signal \(signal)"
        }
    }
}
