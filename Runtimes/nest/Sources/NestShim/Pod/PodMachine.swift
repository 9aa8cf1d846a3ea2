// SPDX-License-Identifier: Apache-2.0
public import NestModel
public import VMMSysUtil

/// Makes the machine that a pod runs in; what the host has to do with a container stays behind it.
public protocol PodBackend: Sendable {
    /// Prepares root image, scratch disk and cgroup, and starts the VM. It does not wait for the guest.
    ///
    /// - Parameters:
    ///   - order: what to make.
    ///   - clock: times the steps image, scratch, cgroup and boot.
    ///   - isCancelled: asked between steps; when true, what was made is undone.
    func boot(
        _ order: PodOrder, clock: StepClock, isCancelled: @Sendable () -> Bool
    ) throws(PodError) -> any PodMachine
}

/// What a pod's machine is made from.
public struct PodOrder: Equatable, Sendable {
    /// A root file system's mount, as the client's snapshotter hands it over.
    public struct RootMount: Equatable, Sendable {
        /// Such as `overlay` or `bind`.
        public var type: String
        /// The source.
        public var source: String
        /// Below the root; usually empty.
        public var target: String
        /// Mount options.
        public var options: [String]
    }

    /// The VM's name: letters and digits.
    public var sandboxID: String
    /// The container's.
    public var containerID: String
    /// The bundle's directory.
    public var bundle: String
    /// The root file system; empty: `rootDirectory` is one already.
    public var rootMounts: [RootMount]
    /// The specification's root path, absolute.
    public var rootDirectory: String
    /// What the container may use.
    public var limits: ContainerLimits
    /// The host's cgroup, as the specification names it; empty for none.
    public var cgroupPath: String
    /// A configuration file that the client asks for.
    public var configurationPath: String?
    /// The path of the shim's socket, kept for who cleans up.
    public var socketPath: String
}

/// A started machine. All of it may be called from any thread.
public protocol PodMachine: Sendable {
    /// The VMM's process, which stands for every process of the pod.
    var processID: UInt32 { get }
    /// Its size.
    var size: VMSize { get }
    /// Whether the host's cgroups are version 2, whose statistics a client then expects.
    var hasUnifiedCgroups: Bool { get }
    /// Connects to a vsock port of the guest; tries again while nobody listens there, until the time is over.
    func connect(port: UInt32, timeout: Duration) throws(PodError) -> GuestConnection
    /// Waits until the guest has told that its agent answers, or the time is over; a hint.
    func waitForGuest(timeout: Duration)
    /// Waits until the VM has ended.
    func waitForEnd() -> PodEnd
    /// Ends the VM at once; harmless when it has ended.
    func kill()
    /// Removes what the pod has on the host; ends the VM first.
    func release()
}

/// A stream to the guest.
public struct GuestConnection: ~Copyable, Sendable {
    /// The stream.
    public let descriptor: FileDescriptor
    /// The port at this end, by which the guest knows it.
    public let hostPort: UInt32

    /// Takes a connected stream.
    public init(descriptor: consuming FileDescriptor, hostPort: UInt32) {
        self.descriptor = descriptor
        self.hostPort = hostPort
    }

    /// Gives up the port's number and keeps the stream.
    public consuming func takeDescriptor() -> FileDescriptor { descriptor }
}

/// How a VM ended.
public enum PodEnd: Equatable, Sendable {
    /// The VMM ended by itself.
    case exited(Int32)
    /// A signal ended the VMM.
    case signalled(Int32)
    /// The host's kernel ended it, as the cgroup's memory was used up.
    case outOfMemory
}

/// Why a pod could not be made or reached.
public struct PodError: Error, Equatable, CustomStringConvertible {
    /// The step that failed.
    public var step: PodStep
    /// What failed, with the cause last.
    public var message: String

    /// Describes a failure.
    public init(_ step: PodStep, _ message: String) {
        self.step = step
        self.message = message
    }

    /// One line.
    public var description: String { "\(step.rawValue): \(message)" }
}
