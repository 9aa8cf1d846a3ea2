// SPDX-License-Identifier: Apache-2.0

/// What to wait for on a descriptor, and what happened on it.
public struct EventSet: OptionSet, Hashable, Sendable {
    /// The bits of `epoll_event.events`.
    public let rawValue: UInt32
    /// Wraps bits of `epoll_event.events`.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// `EPOLLIN`: a read would not wait.
    public static let readable = EventSet(rawValue: 0x1)
    /// `EPOLLPRI`: out-of-band data, or a pressure (PSI) threshold passed.
    public static let priority = EventSet(rawValue: 0x2)
    /// `EPOLLOUT`: a write would not wait.
    public static let writable = EventSet(rawValue: 0x4)
    /// `EPOLLERR`: an error condition. Reported always, asked for or not.
    public static let error = EventSet(rawValue: 0x8)
    /// `EPOLLHUP`: the other end is gone. Reported always, asked for or not.
    public static let hangUp = EventSet(rawValue: 0x10)
    /// `EPOLLRDHUP`: the peer of a stream socket will send no more.
    public static let peerClosed = EventSet(rawValue: 0x2000)
    /// `EPOLLONESHOT`: after one event the descriptor stays silent until `modify`.
    public static let oneShot = EventSet(rawValue: 1 << 30)
    /// `EPOLLET`: an event for a change, not for as long as the condition holds.
    public static let edgeTriggered = EventSet(rawValue: 1 << 31)
}
