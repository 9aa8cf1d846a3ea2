// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import Synchronization
internal import VMMSysUtil

/// How other threads have work done on a loop's thread, and stop it.
public final class Mailbox: Sendable {
    private struct Letter: Sendable {
        let work: @Sendable (EventLoop) -> Void
        let reply: Reply?
    }

    private struct State {
        var letters: [Letter] = []
        var isClosed = false
    }

    private let event: EventFD
    private let state = Mutex(State())
    private let stopRequested = Atomic(false)
    private let owner = Atomic<UInt>(0)
    /// Written while the loop is made, read on the loop's thread.
    nonisolated(unsafe) private weak var loop: EventLoop?

    init(event: consuming EventFD) { self.event = event }

    /// Has `work` done on the loop's thread, after what was posted before.
    ///
    /// Callable from any thread, the loop's too. Nothing waits, and nothing bounds how much is posted: that is the
    /// caller's duty.
    /// - Throws: `.stopped` if the loop has ended.
    public func post(_ work: @escaping @Sendable (EventLoop) -> Void) throws(EventLoopError) {
        try send(Letter(work: work, reply: nil))
    }

    /// Has `work` done on the loop's thread and waits for its result.
    ///
    /// On the loop's own thread it runs at once, before what was posted earlier. On another one the call waits until
    /// some thread runs the loop.
    /// - Throws: `.stopped` if the loop has ended, or ends before it comes to this.
    public func performAndWait<Result: Sendable>(
        _ work: @escaping @Sendable (EventLoop) -> Result
    ) throws(EventLoopError) -> Result {
        if isOwnedByThisThread {
            guard let loop else { throw .stopped }
            return work(loop)
        }
        let reply = Reply()
        let result = Mutex<Result?>(nil)
        let box = Box(result)
        try send(Letter(work: { loop in box.value.withLock { $0 = work(loop) } }, reply: reply))
        reply.wait()
        guard let result = box.value.withLock({ $0 }) else { throw .stopped }
        return result
    }

    /// Ends `run()` once it has served what is at hand. Callable from any thread, at any time, more than once.
    public func stop() {
        stopRequested.store(true, ordering: .releasing)
        wake()
    }

    /// Whether the calling thread is the loop's.
    public var isOwnedByThisThread: Bool { owner.load(ordering: .acquiring) == UInt(pthread_self()) }

    // MARK: The loop's side

    var eventNumber: Int32 { event.descriptor.rawValue }

    var isStopping: Bool { stopRequested.load(ordering: .acquiring) }

    func attach(_ loop: EventLoop) {
        self.loop = loop
        setOwner()
    }

    func setOwner() { owner.store(UInt(pthread_self()), ordering: .releasing) }

    /// Does what has been posted up to now; what that posts comes next time, so that it cannot keep events waiting.
    func drain(_ loop: EventLoop) {
        _ = try? event.read()
        let letters = state.withLock { state in
            let letters = state.letters
            state.letters = []
            return letters
        }
        for letter in letters {
            letter.work(loop)
            letter.reply?.done()
        }
    }

    /// Refuses everything from now on, and tells who waits.
    func close() {
        let letters = state.withLock { state in
            state.isClosed = true
            let letters = state.letters
            state.letters = []
            return letters
        }
        owner.store(0, ordering: .releasing)
        for letter in letters { letter.reply?.done() }
    }

    private func send(_ letter: Letter) throws(EventLoopError) {
        let isTaken = state.withLock { state in
            if state.isClosed { return false }
            state.letters.append(letter)
            return true
        }
        guard isTaken else { throw .stopped }
        wake()
    }

    private func wake() {
        // It can only fail with a counter near 2^64, and then the loop is awake anyway.
        try? event.write()
    }
}

/// Shares what cannot be copied.
private final class Box<Value: ~Copyable & Sendable>: Sendable {
    let value: Value
    init(_ value: consuming Value) { self.value = value }
}

/// A semaphore to wait on for one piece of work.
private final class Reply: @unchecked Sendable {
    private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

    init() {
        semaphore.initialize(to: sem_t())
        sem_init(semaphore, 0, 0)
    }

    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    func done() { sem_post(semaphore) }

    func wait() {
        while sem_wait(semaphore) != 0 {}
    }
}
