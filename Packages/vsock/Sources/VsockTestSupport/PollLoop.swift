// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import Synchronization
public import VMMSysUtil
public import VirtioModel

/// A device's thread for tests: watches descriptors, and runs what was handed over, only when told.
public final class PollLoop: EventRegistry {
    /// Hands work to this loop.
    public let executor = LaterExecutor()
    private var sources: [UInt64: Source] = [:]
    private var nextID: UInt64 = 0

    /// Watches nothing yet.
    public init() {}

    private final class Source: EventSource {
        let id: UInt64
        let number: Int32
        var interest: EventSet
        let handler: (EventSet) -> Void
        weak var loop: PollLoop?

        init(_ id: UInt64, _ number: Int32, _ interest: EventSet, _ handler: @escaping (EventSet) -> Void) {
            self.id = id
            self.number = number
            self.interest = interest
            self.handler = handler
        }

        func setInterest(_ interest: EventSet) throws(Errno) { self.interest = interest }
        func remove() { loop?.sources[id] = nil }
    }

    /// Watches a descriptor.
    public func watch(
        _ descriptor: borrowing FileDescriptor, for interest: EventSet, _ handler: @escaping (EventSet) -> Void
    ) throws(Errno) -> any EventSource {
        let source = Source(nextID, descriptor.rawValue, interest, handler)
        source.loop = self
        sources[nextID] = source
        nextID += 1
        return source
    }

    /// How many descriptors are watched.
    public var watchCount: Int { sources.count }

    /// Waits for something to happen, and serves all that did.
    /// - Parameter timeoutMilliseconds: 0 only looks.
    /// - Returns: whether anything was done.
    @discardableResult
    public func runOnce(timeoutMilliseconds: Int32 = 0) -> Bool {
        let hasRun = executor.run()
        let watched = sources.values.sorted { $0.id < $1.id }
        var polls = watched.map { source in
            var events: Int32 = 0
            if source.interest.contains(.read) { events |= POLLIN }
            if source.interest.contains(.write) { events |= POLLOUT }
            return pollfd(fd: source.number, events: Int16(truncatingIfNeeded: events), revents: 0)
        }
        let count = poll(&polls, nfds_t(polls.count), hasRun ? 0 : timeoutMilliseconds)
        guard count > 0 else { return hasRun }
        for (source, result) in zip(watched, polls) where result.revents != 0 {
            // A handler that ran before may have removed it.
            guard sources[source.id] === source else { continue }
            var events: EventSet = []
            let bits = Int32(result.revents)
            if bits & POLLIN != 0 { events.insert(.read) }
            if bits & POLLOUT != 0 { events.insert(.write) }
            if bits & POLLHUP != 0 { events.insert(.hangUp) }
            if bits & (POLLERR | POLLNVAL) != 0 { events.insert(.error) }
            source.handler(events)
        }
        return true
    }
}

/// Keeps the work that it is given until it is told to run it.
public final class LaterExecutor: DeviceExecutor {
    private let work = Mutex<[@Sendable () -> Void]>([])

    /// Nothing to do yet.
    public init() {}

    /// Keeps it.
    public func perform(_ work: @escaping @Sendable () -> Void) { self.work.withLock { $0.append(work) } }

    /// Runs what is kept, and this.
    public func performAndWait(_ work: @escaping @Sendable () -> Void) {
        run()
        work()
    }

    /// Runs what is kept now; what that hands over stays for the next time.
    /// - Returns: whether there was any.
    @discardableResult
    public func run() -> Bool {
        let now = work.withLock { work in
            defer { work.removeAll() }
            return work
        }
        for work in now { work() }
        return !now.isEmpty
    }
}
