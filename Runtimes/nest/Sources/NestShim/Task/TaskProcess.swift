// SPDX-License-Identifier: Apache-2.0
internal import NestModel
internal import NestProtocols
internal import TTRPC
internal import VMMSysUtil

/// A process as the task API sees it: its life, its streams, and who waits for its end.
final class TaskProcess: Sendable {
    private struct State {
        var life: ProcessState
        var streams: ProcessStreams?
        var isInputClosed = false
        var size: (width: UInt32, height: UInt32)?
    }

    let containerID: String
    /// Empty for the container's main process.
    let execID: String
    let paths: StreamPaths
    /// What an exec is to run; nil for the main process, which the specification describes.
    let process: OCIProcess?
    private let state: Monitor<State>

    init(containerID: String, execID: String = "", paths: StreamPaths, process: OCIProcess? = nil) {
        self.containerID = containerID
        self.execID = execID
        self.paths = paths
        self.process = process
        state = Monitor(State(life: ProcessState(process == nil ? .creating : .created)))
    }

    var isMain: Bool { execID.isEmpty }
    /// How the guest's agent calls it: the main process has the container's name.
    var guestID: String { execID.isEmpty ? containerID : execID }

    var life: ProcessState { state.withLock { $0.life } }
    var phase: ProcessState.Phase { life.phase }

    /// Changes the life under the lock, so that what is told meanwhile is told in that order.
    func change<Result, Failure: Error>(
        _ body: (inout ProcessState) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try state.update { state throws(Failure) in try body(&state.life) }
    }

    /// Waits until an end may be told.
    func waitUntilEndable() {
        _ = state.wait { $0.life.mayEnd ? true : nil }
    }

    /// Waits for the end.
    /// - Returns: nil when the time is over or nobody waits any more.
    func waitForExit(timeout: Duration? = nil, isCancelled: () -> Bool = { false }) -> ProcessExit? {
        state.wait(timeout: timeout) { state -> ProcessExit?? in
            if let exit = state.life.exit { return .some(exit) }
            return isCancelled() ? .some(nil) : nil
        } ?? nil
    }

    /// Makes all waits look again.
    func wake() { state.update { _ in } }

    /// The streams, once they are connected.
    var streams: ProcessStreams? { state.withLock { $0.streams } }

    func attach(_ streams: ProcessStreams) {
        let isInputClosed = state.update { state in
            state.streams = streams
            return state.isInputClosed
        }
        if isInputClosed { streams.closeInput() }
    }

    /// Ends the input; for a process that is not started yet, as soon as it is.
    func closeInput() {
        let streams = state.update { state in
            state.isInputClosed = true
            return state.streams
        }
        streams?.closeInput()
    }

    /// Notes a terminal's size for a process that is not started yet.
    func noteSize(width: UInt32, height: UInt32) { state.update { $0.size = (width, height) } }

    /// The size that was noted.
    var notedSize: (width: UInt32, height: UInt32)? { state.withLock { $0.size } }
}
