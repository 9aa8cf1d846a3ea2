// SPDX-License-Identifier: Apache-2.0
import EventManager
import Synchronization
import VMMSysUtil

/// Shares what cannot be copied.
final class Box<Value: ~Copyable> {
    let value: Value
    init(_ value: consuming Value) { self.value = value }
}
extension Box: Sendable where Value: Sendable & ~Copyable {}

/// A loop running on a thread of its own.
final class Running {
    let mailbox: Mailbox
    private var thread: Thread?

    init() throws {
        let handOver = Box(Mutex<Mailbox?>(nil))
        let ready = try Box(EventFD(isNonBlocking: false))
        thread = try Thread(name: "loop") {
            guard let loop = try? EventLoop() else { return }
            handOver.value.withLock { $0 = loop.mailbox }
            try? ready.value.write()
            try? loop.run()
        }
        try ready.value.read()
        guard let mailbox = handOver.value.withLock({ $0 }) else { throw EventLoopError.stopped }
        self.mailbox = mailbox
    }

    func join() throws {
        if let thread = thread.take() { try thread.join() }
    }
}
