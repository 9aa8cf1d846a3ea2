// SPDX-License-Identifier: Apache-2.0
public import VMMSysUtil
public import VirtioModel

/// An event registry without an event loop: the test says what is the case with a descriptor.
public final class ManualEventRegistry: EventRegistry {
    /// What is watched, by descriptor number.
    public private(set) var sources: [Int32: Source] = [:]

    /// Watches nothing yet.
    public init() {}

    /// One watched descriptor.
    public final class Source: EventSource {
        /// What is waited for.
        public private(set) var interest: EventSet
        /// Whether it was removed.
        public private(set) var isRemoved = false
        let handler: (EventSet) -> Void

        init(_ interest: EventSet, _ handler: @escaping (EventSet) -> Void) {
            self.interest = interest
            self.handler = handler
        }

        /// Replaces what is waited for.
        public func setInterest(_ interest: EventSet) throws(Errno) { self.interest = interest }
        /// Stops watching.
        public func remove() { isRemoved = true }
    }

    /// Watches a descriptor; a number watched twice and not removed is an error, as with epoll.
    public func watch(
        _ descriptor: borrowing FileDescriptor, for interest: EventSet, _ handler: @escaping (EventSet) -> Void
    ) throws(Errno) -> any EventSource {
        if let source = sources[descriptor.rawValue], !source.isRemoved { throw .exists }
        let source = Source(interest, handler)
        sources[descriptor.rawValue] = source
        return source
    }

    /// Calls the handler if the source waits for one of `events`, or they are an error or a hang-up.
    /// - Returns: whether it was called.
    @discardableResult
    public func fire(_ events: EventSet, on descriptor: borrowing FileDescriptor) -> Bool {
        guard let source = sources[descriptor.rawValue], !source.isRemoved else { return false }
        let due = events.intersection(source.interest.union([.error, .hangUp]))
        guard !due.isEmpty else { return false }
        source.handler(due)
        return true
    }
}
