// SPDX-License-Identifier: Apache-2.0

/// How a process ended, and when.
public struct ProcessExit: Equatable, Sendable {
    /// 0 to 255; 128 + n when signal n ended the process.
    public var status: UInt32
    /// Seconds since 1970.
    public var seconds: Int64
    /// Nanoseconds within the second.
    public var nanoseconds: Int32

    /// Describes an end.
    public init(status: UInt32, seconds: Int64, nanoseconds: Int32) {
        self.status = status
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }
}

/// The life of one process, a container's main process or an exec: who may do what to it, and when its end may be told.
///
/// A value with no lock and no clock. The end of a process that is just being started cannot be told before its start has
/// been, so that no observer sees an exit before its start.
public struct ProcessState: Equatable, Sendable {
    /// The stages of a life, in their order.
    public enum Phase: Sendable, Equatable {
        /// Its VM or its place in the guest is being made.
        case creating
        /// It is there and has not been told to run.
        case created
        /// It has been told to run; the answer is outstanding.
        case starting
        /// It runs.
        case running
        /// It has ended, and this may be told.
        case stopped
    }

    /// The stage it is in.
    public private(set) var phase: Phase
    /// How it ended; nil before `stopped`.
    public private(set) var exit: ProcessExit?

    /// A life's begin.
    /// - Parameter phase: `creating` for what takes time to make, `created` for an exec, which is only noted down.
    public init(_ phase: Phase = .creating) { self.phase = phase }

    /// It has been made.
    public mutating func created() {
        if phase == .creating { phase = .created }
    }

    /// A start begins.
    public mutating func beginStart() throws(ProcessStateError) {
        switch phase {
        case .created: phase = .starting
        case .creating: throw .notCreated
        case .starting, .running: throw .alreadyStarted
        case .stopped: throw .alreadyStopped
        }
    }

    /// The start succeeded and has been told.
    public mutating func started() {
        if phase == .starting { phase = .running }
    }

    /// The start failed: it can be deleted, or started again.
    public mutating func startFailed() {
        if phase == .starting { phase = .created }
    }

    /// Whether an end may be told now: not while a start is outstanding.
    public var mayEnd: Bool { phase != .starting }

    /// The process has ended.
    /// - Returns: whether this is to be told: it may be now, and has not been before.
    public mutating func ended(_ exit: ProcessExit) -> Bool {
        guard mayEnd, phase != .stopped else { return false }
        phase = .stopped
        self.exit = exit
        return true
    }
}

/// Why a process cannot be started.
public enum ProcessStateError: Error, Equatable, CustomStringConvertible {
    /// It is still being made.
    case notCreated
    /// It runs, or is about to.
    case alreadyStarted
    /// It has ended.
    case alreadyStopped

    /// One line, for the client.
    public var description: String {
        switch self {
        case .notCreated: "cannot start a process that is still being created"
        case .alreadyStarted: "cannot start a process that was started before"
        case .alreadyStopped: "cannot start a process that has ended"
        }
    }
}
