// SPDX-License-Identifier: Apache-2.0
internal import CEventManager
internal import Glibc
public import VMMSysUtil

/// What a loop calls when something happens on a descriptor.
public protocol EventHandler: AnyObject {
    /// Serves the events of one descriptor, on the loop's thread.
    ///
    /// Whatever is level-triggered and not served comes again at once: a handler that cannot serve `hangUp` or `error`
    /// must remove the registration. It may add, modify and remove any registration, its own too.
    func handle(_ events: EventSet, of token: EventToken, in loop: EventLoop)
}

/// Names one registration of one loop. It never comes to mean another one.
public struct EventToken: Hashable, Sendable, CustomStringConvertible {
    let index: UInt32
    let generation: UInt32

    /// Such as `registration 3.1`.
    public var description: String { "registration \(index).\(generation)" }
}

/// Waits for events on many descriptors and hands each to its handler; all on one thread.
///
/// The loop belongs to the thread that runs it. Other threads reach it through `mailbox` alone.
public final class EventLoop {
    /// The way in for other threads.
    public let mailbox: Mailbox

    private let epoll: FileDescriptor
    private let batch: UnsafeMutableBufferPointer<epoll_event>
    private var slots: [Slot] = []
    private var freeSlots: [UInt32] = []
    private var isDispatching = false

    /// The generation goes up with each removal, so that what the kernel still has queued for a past one is told apart.
    private struct Slot {
        var generation: UInt32
        var descriptor: Int32
        var handler: (any EventHandler)?
    }

    /// Makes a loop with nothing registered.
    /// - Parameter batchCount: how many events to take from the kernel at once, held to 1 to 4096; more that are ready
    ///   come next.
    public init(batchCount: Int = 64) throws(EventLoopError) {
        epoll = try creating { () throws(Errno) in
            FileDescriptor(owning: try retryOnInterrupt { epoll_create1(Int32(EPOLL_CLOEXEC)) })
        }
        mailbox = Mailbox(event: try creating { () throws(Errno) in try EventFD() })
        batch = .allocate(capacity: min(max(batchCount, 1), 4096))
        batch.initialize(repeating: epoll_event())
        do throws(Errno) {
            // No slot has the largest index, so it can mean the mailbox.
            try control(epoll, EPOLL_CTL_ADD, mailbox.eventNumber, .readable, mailboxData)
        } catch {
            throw .system(.create, descriptor: mailbox.eventNumber, error)
        }
        mailbox.attach(self)
    }

    deinit {
        mailbox.close()
        batch.deallocate()
    }

    /// Starts to watch a descriptor, which stays the caller's: it must remove the registration before it closes it.
    ///
    /// - Parameters:
    ///   - descriptor: what to watch; open until the removal.
    ///   - events: what the handler is called for.
    ///   - handler: kept alive until the removal.
    /// - Throws: `.system` with `.exists` for a descriptor that is registered already, with `.notPermitted` for a
    ///   regular file, which is always ready and cannot be waited for.
    @discardableResult
    public func add(
        _ descriptor: borrowing FileDescriptor, for events: EventSet, handler: any EventHandler
    ) throws(EventLoopError) -> EventToken {
        let number = descriptor.rawValue
        let index = freeSlots.last ?? UInt32(truncatingIfNeeded: slots.count)
        let generation = index < slots.count ? slots[Int(index)].generation : 0
        let token = EventToken(index: index, generation: generation)
        do throws(Errno) {
            try control(epoll, EPOLL_CTL_ADD, number, events, token.data)
        } catch {
            throw .system(.add, descriptor: number, error)
        }
        // The kernel took the number as new, so a registration of ours under it is of a file that was closed since.
        for old in slots.indices where slots[old].handler != nil && slots[old].descriptor == number { vacate(old) }
        let slot = Slot(generation: generation, descriptor: number, handler: handler)
        if index < slots.count {
            // `vacate` may have put others on top of the one that was chosen.
            freeSlots.removeAll { $0 == index }
            slots[Int(index)] = slot
        } else {
            slots.append(slot)
        }
        return token
    }

    /// Starts to watch a descriptor with a closure, stored once; as `add(_:for:handler:)`.
    @discardableResult
    public func add(
        _ descriptor: borrowing FileDescriptor, for events: EventSet,
        _ body: @escaping (_ events: EventSet, _ token: EventToken, _ loop: EventLoop) -> Void
    ) throws(EventLoopError) -> EventToken {
        try add(descriptor, for: events, handler: ClosureHandler(body))
    }

    /// Changes what a registration waits for; also arms a `oneShot` one again.
    public func modify(_ token: EventToken, for events: EventSet) throws(EventLoopError) {
        guard isCurrent(token) else { throw .unknownToken(token) }
        let number = slots[Int(token.index)].descriptor
        do throws(Errno) {
            try control(epoll, EPOLL_CTL_MOD, number, events, token.data)
        } catch {
            throw .system(.modify, descriptor: number, error)
        }
    }

    /// Ends a registration and lets go of its handler. No event of it is delivered any more, even one that the kernel
    /// has handed over in the batch being served.
    public func remove(_ token: EventToken) throws(EventLoopError) {
        guard isCurrent(token) else { throw .unknownToken(token) }
        // A descriptor that its owner closed too early has left the epoll by itself: no error then.
        try? control(epoll, EPOLL_CTL_DEL, slots[Int(token.index)].descriptor, [], 0)
        vacate(Int(token.index))
    }

    /// How many descriptors are registered.
    public var registrationCount: Int { slots.count - freeSlots.count }

    /// Serves events until `mailbox.stop()`, which is final: what was posted before it has run, what comes after is
    /// refused.
    public func run() throws(EventLoopError) {
        guard !isDispatching else { throw .reentered }
        defer { mailbox.close() }
        while !mailbox.isStopping { try runOnce() }
        mailbox.drain(self)
    }

    /// Waits once and serves what is ready, up to a batch.
    ///
    /// - Parameter timeoutMilliseconds: nil waits for ever; 0 only looks.
    /// - Returns: how many handlers were called, the mailbox included; 0 after the time-out or a signal.
    @discardableResult
    public func runOnce(timeoutMilliseconds: Int32? = nil) throws(EventLoopError) -> Int {
        guard !isDispatching else { throw .reentered }
        mailbox.setOwner()
        let timeout = timeoutMilliseconds.map { max($0, 0) } ?? -1
        let count = epoll_wait(epoll.rawValue, batch.baseAddress, Int32(batch.count), timeout)
        if count < 0 {
            let error = Errno.last
            if error == .interrupted { return 0 }
            throw .system(.wait, descriptor: epoll.rawValue, error)
        }
        isDispatching = true
        defer { isDispatching = false }
        var served = 0
        for event in batch[..<Int(count)] {
            if event.data.u64 == mailboxData {
                mailbox.drain(self)
                served += 1
                continue
            }
            let token = EventToken(data: event.data.u64)
            guard isCurrent(token), let handler = slots[Int(token.index)].handler else { continue }
            handler.handle(EventSet(rawValue: event.events), of: token, in: self)
            served += 1
        }
        return served
    }

    private func isCurrent(_ token: EventToken) -> Bool {
        guard token.index < slots.count else { return false }
        let slot = slots[Int(token.index)]
        return slot.generation == token.generation && slot.handler != nil
    }

    private func vacate(_ index: Int) {
        // The handler may be the last owner of something whose deinit calls back: the slot is in order before it goes.
        let handler = slots[index].handler
        slots[index] = Slot(generation: slots[index].generation &+ 1, descriptor: -1, handler: nil)
        freeSlots.append(UInt32(truncatingIfNeeded: index))
        withExtendedLifetime(handler) {}
    }
}

private let mailboxData = UInt64.max

extension EventToken {
    fileprivate var data: UInt64 { UInt64(generation) << 32 | UInt64(index) }
    fileprivate init(data: UInt64) {
        self.init(index: UInt32(truncatingIfNeeded: data), generation: UInt32(truncatingIfNeeded: data >> 32))
    }
}

private func creating<Made: ~Copyable>(_ make: () throws(Errno) -> Made) throws(EventLoopError) -> Made {
    do throws(Errno) { return try make() } catch { throw .system(.create, descriptor: -1, error) }
}

private func control(
    _ epoll: borrowing FileDescriptor, _ operation: Int32, _ descriptor: Int32, _ events: EventSet, _ data: UInt64
) throws(Errno) {
    let epoll = epoll.rawValue
    var event = epoll_event(events: events.rawValue, data: epoll_data_t(u64: data))
    try retryOnInterrupt { epoll_ctl(epoll, operation, descriptor, &event) }
}

private final class ClosureHandler: EventHandler {
    private let body: (EventSet, EventToken, EventLoop) -> Void

    init(_ body: @escaping (EventSet, EventToken, EventLoop) -> Void) { self.body = body }

    func handle(_ events: EventSet, of token: EventToken, in loop: EventLoop) { body(events, token, loop) }
}
