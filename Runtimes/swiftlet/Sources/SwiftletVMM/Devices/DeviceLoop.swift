// SPDX-License-Identifier: Apache-2.0
internal import EventManager
internal import Synchronization
internal import VMMSysUtil
internal import VirtioModel

/// The thread on which all devices live, as they see it: a way to have descriptors watched.
///
/// It does not keep the loop: the loop keeps the doorbells' handlers, they the transports, those the devices, and devices
/// keep this; a loop kept from here would live for ever, and with it the machine's memory.
final class DeviceEvents: EventRegistry {
    private weak let loop: EventLoop?

    init(_ loop: EventLoop) { self.loop = loop }

    func watch(
        _ descriptor: borrowing FileDescriptor, for interest: VirtioModel.EventSet,
        _ handler: @escaping (VirtioModel.EventSet) -> Void
    ) throws(Errno) -> any EventSource {
        guard let loop else { throw .badFileDescriptor }
        do throws(EventLoopError) {
            let token = try loop.add(descriptor, for: interest.waited) { events, _, _ in handler(.init(events)) }
            return Source(loop: loop, token: token)
        } catch {
            throw error.errno
        }
    }

    private final class Source: EventSource {
        private weak let loop: EventLoop?
        private var token: EventToken?

        init(loop: EventLoop, token: EventToken) {
            self.loop = loop
            self.token = token
        }

        func setInterest(_ interest: VirtioModel.EventSet) throws(Errno) {
            guard let token, let loop else { return }
            do throws(EventLoopError) { try loop.modify(token, for: interest.waited) } catch { throw error.errno }
        }

        func remove() {
            guard let token else { return }
            self.token = nil
            try? loop?.remove(token)
        }
    }
}

/// The same thread, as vCPU threads see it: a way to have work done there.
final class DeviceMailbox: DeviceExecutor {
    private let mailbox: Mailbox
    private let isTakenOver = Atomic(false)

    init(_ mailbox: Mailbox) { self.mailbox = mailbox }

    /// From now on the caller's thread is the devices': the loop has ended, and so have all vCPU threads.
    func takeOver() { isTakenOver.store(true, ordering: .sequentiallyConsistent) }

    // Nothing is put off past the end of the loop: what must still be done is waited for.
    func perform(_ work: @escaping @Sendable () -> Void) { try? mailbox.post { _ in work() } }

    func performAndWait(_ work: @escaping @Sendable () -> Void) {
        if isTakenOver.load(ordering: .sequentiallyConsistent) {
            work()
        } else {
            try? mailbox.performAndWait { _ in work() }
        }
    }
}

extension EventLoopError {
    fileprivate var errno: Errno {
        if case .system(_, _, let errno) = self { errno } else { .badFileDescriptor }
    }
}

extension VirtioModel.EventSet {
    fileprivate var waited: EventManager.EventSet {
        var set: EventManager.EventSet = []
        if contains(.read) { set.insert(.readable) }
        if contains(.write) { set.insert(.writable) }
        return set
    }

    fileprivate init(_ events: EventManager.EventSet) {
        self = []
        if events.contains(.readable) { insert(.read) }
        if events.contains(.writable) { insert(.write) }
        if events.contains(.hangUp) { insert(.hangUp) }
        if events.contains(.error) { insert(.error) }
    }
}
