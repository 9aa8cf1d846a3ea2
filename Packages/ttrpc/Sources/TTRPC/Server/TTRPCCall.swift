// SPDX-License-Identifier: Apache-2.0
internal import Synchronization
internal import VMMSysUtil

/// What a handler knows about the call that it serves.
public final class TTRPCCall: Sendable {
    /// The service's name.
    public let service: String
    /// The method's name.
    public let method: String
    /// What the caller sent beside its message.
    public let metadata: TTRPCMetadata
    let deadline: Deadline?

    private struct State {
        var isCancelled = false
        var isOver = false
        var actions: [@Sendable () -> Void] = []
    }

    private let state = Mutex(State())

    init(service: String, method: String, metadata: TTRPCMetadata, deadline: Deadline?) {
        self.service = service
        self.method = method
        self.metadata = metadata
        self.deadline = deadline
    }

    /// A call that no connection carries, to test a service with.
    public convenience init(
        service: String, method: String, metadata: TTRPCMetadata = .init(), timeout: Duration? = nil
    ) {
        self.init(
            service: service, method: method, metadata: metadata, deadline: timeout.map { Deadline(after: $0) })
    }

    /// How long the caller still waits; nil if for ever.
    public var timeRemaining: Duration? { deadline.map { .nanoseconds($0.remainingNanoseconds) } }

    /// Whether nobody waits for the answer any more: the caller's connection is gone, or its time is over.
    public var isCancelled: Bool { state.withLock { $0.isCancelled } || deadline?.hasPassed ?? false }

    /// Runs an action once when the call is cancelled, at once if it is already; never after the handler has returned.
    ///
    /// The action runs on the connection's thread: it must be short, such as a signal to who waits.
    public func onCancel(_ action: @escaping @Sendable () -> Void) {
        let isCancelled = state.withLock { state in
            if !state.isCancelled, !state.isOver { state.actions.append(action) }
            return state.isCancelled
        }
        if isCancelled { action() }
    }

    /// Cancels the call, as the connection does. For tests of a service.
    public func cancel() {
        let actions = state.withLock { state in
            state.isCancelled = true
            defer { state.actions = [] }
            return state.actions
        }
        for action in actions { action() }
    }

    /// The handler has returned: its actions have nothing to act on.
    func end() {
        state.withLock { state in
            state.isOver = true
            state.actions = []
        }
    }
}
