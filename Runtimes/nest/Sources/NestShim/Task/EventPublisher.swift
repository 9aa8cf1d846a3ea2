// SPDX-License-Identifier: Apache-2.0
internal import NestProtocols
internal import TTRPC
internal import VMMSysUtil

/// Hands events to containerd, in the order they were queued.
///
/// One thread takes the first event, and goes on to the next only when it was taken or given up, so no event overtakes
/// another. A containerd that restarts meanwhile gets them when it is back: tries go on for about a minute an event.
final class EventPublisher: Sendable {
    private struct State {
        var queue: [TaskEvent] = []
        var lost = 0
        var isClosed = false
        var isIdle = true
    }

    /// The oldest are kept: the begin of a story is worth more than its middle.
    private static let capacity = 4096
    private static let delays: [Duration] = [
        .milliseconds(20), .milliseconds(100), .milliseconds(500), .seconds(2), .seconds(5), .seconds(10), .seconds(20),
        .seconds(20),
    ]

    private let address: String
    private let namespace: String
    private let log: ShimLog
    private let state = Monitor(State())

    /// - Parameter address: the path of containerd's ttrpc socket; empty: events go nowhere.
    init(address: String, namespace: String, log: ShimLog) {
        self.address = address.hasPrefix("unix://") ? String(address.dropFirst(7)) : address
        self.namespace = namespace
        self.log = log
    }

    /// Begins to publish; what was queued before is kept.
    func start() throws(Errno) {
        guard !address.isEmpty else { return }
        try startThread("events") { self.run() }
    }

    /// Queues an event; never waits.
    func publish(_ event: TaskEvent) {
        guard !address.isEmpty else { return }
        let isLost = state.update { state in
            guard state.queue.count < Self.capacity else {
                state.lost += 1
                return true
            }
            state.queue.append(event)
            return false
        }
        if isLost { log.info("event \(event.topic) lost: containerd takes none and \(Self.capacity) wait") }
    }

    /// Waits until all that was queued is delivered.
    /// - Returns: whether it was in time.
    @discardableResult
    func flush(timeout: Duration) -> Bool {
        guard !address.isEmpty else { return true }
        return state.wait(timeout: timeout) { $0.queue.isEmpty && $0.isIdle ? true : nil } ?? false
    }

    /// Ends the thread after the event it is at.
    func close() { state.update { $0.isClosed = true } }

    private func run() {
        var client: TTRPCClient?
        while let event = next() {
            deliver(event, by: &client)
            state.update { $0.isIdle = true }
        }
        client?.close()
    }

    private func next() -> TaskEvent? {
        state.wait { state -> TaskEvent?? in
            if state.isClosed { return .some(nil) }
            guard !state.queue.isEmpty else { return nil }
            state.isIdle = false
            return state.queue.removeFirst()
        } ?? nil
    }

    private func deliver(_ event: TaskEvent, by client: inout TTRPCClient?) {
        let request = event.forwardRequest(namespace: namespace)
        var failure = ""
        for attempt in 0...Self.delays.count {
            if attempt > 0, wait(Self.delays[attempt - 1]) { return }
            do {
                if client?.isClosed != false { client = TTRPCClient(try UnixSocket.connect(address)) }
                try client?.call(ServiceName.events, "Forward", request, timeout: .seconds(5))
                return
            } catch let status as TTRPCStatus {
                failure = status.message
                // containerd has read it and will not like it better the next time.
                if status.code == .invalidArgument || status.code == .unimplemented { break }
                client?.close()
                client = nil
            } catch {
                failure = "\(error)"
            }
        }
        log.info("event \(event.topic) lost: \(failure)")
    }

    /// - Returns: whether the publisher was closed meanwhile.
    private func wait(_ delay: Duration) -> Bool {
        state.wait(timeout: delay) { $0.isClosed ? true : nil } ?? false
    }
}
