// SPDX-License-Identifier: Apache-2.0
public import VMMSysUtil

/// The event loop of a device's thread, as much as a device needs: descriptors watched, handlers called.
///
/// Used on the device's thread only, which is also where the handlers run.
public protocol EventRegistry: AnyObject {
    /// Watches a descriptor, level-triggered.
    /// - Parameters:
    ///   - descriptor: only borrowed. It must stay open until the source was removed.
    ///   - interest: what to wait for at first; may be empty.
    ///   - handler: called with what is the case; never after `remove`.
    /// - Throws: the host's error, such as `.notPermitted` for a regular file, which epoll does not watch.
    func watch(
        _ descriptor: borrowing FileDescriptor, for interest: EventSet, _ handler: @escaping (EventSet) -> Void
    ) throws(Errno) -> any EventSource
}

/// One watched descriptor.
public protocol EventSource: AnyObject {
    /// Replaces what is waited for. With nothing, only errors and hang-ups may still be reported.
    func setInterest(_ interest: EventSet) throws(Errno)

    /// Stops watching. Doing it again does nothing. It must come before the descriptor is closed.
    func remove()
}

/// What may be the case with a descriptor.
public struct EventSet: OptionSet, Sendable, Hashable {
    /// The bits; they are no system's constants.
    public let rawValue: UInt8

    /// Wraps bits.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Reading would not block.
    public static let read = EventSet(rawValue: 1)
    /// Writing would not block.
    public static let write = EventSet(rawValue: 2)
    /// The other end is gone. Reported even if not asked for.
    public static let hangUp = EventSet(rawValue: 4)
    /// The descriptor is in error. Reported even if not asked for.
    public static let error = EventSet(rawValue: 8)
}
