// SPDX-License-Identifier: Apache-2.0
internal import CVMMSysUtil
internal import Glibc

/// A POSIX thread of this process, with a name.
///
/// Its owner either joins it or lets it go: dropping the value detaches the thread, which then runs on by itself.
public struct Thread: ~Copyable, Sendable {
    private let handle: pthread_t

    /// Starts a thread.
    ///
    /// The body runs with no actor isolation, wherever this is called from: a closure literal that `main` hands to
    /// `pthread_create` directly would inherit `@MainActor` and trap on the new thread.
    ///
    /// - Parameters:
    ///   - name: shown by `ps -L` and in `/proc`; the kernel keeps 15 bytes, the rest is cut.
    ///   - stackByteCount: nil for the process's default, usually 8 MiB (of which only the used part takes memory).
    ///   - blockedSignals: blocked from the body's first instruction on; nil inherits the caller's mask.
    ///   - body: what the thread runs.
    public init(
        name: String, stackByteCount: Int? = nil, blockedSignals: SignalSet? = nil,
        _ body: @escaping @Sendable () -> Void
    ) throws(Errno) {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        if let stackByteCount {
            let error = pthread_attr_setstacksize(&attributes, stackByteCount)
            guard error == 0 else { throw Errno(rawValue: error) }
        }
        if let blockedSignals {
            // An attribute of the new thread, not the caller's mask for a moment: a signal that is pending in the caller,
            // such as SIGPIPE of a write long ago, would be delivered in that moment.
            var mask = sigset_t()
            sigemptyset(&mask)
            for number in Int32(1)...64 where blockedSignals.contains(Signal(rawValue: number)) {
                sigaddset(&mask, number)
            }
            let error = pthread_attr_setsigmask_np(&attributes, &mask)
            guard error == 0 else { throw Errno(rawValue: error) }
        }
        let start = Unmanaged.passRetained(Start(name: String(decoding: name.utf8.prefix(15), as: UTF8.self), body))
        var handle = pthread_t()
        let error = pthread_create(&handle, &attributes, threadMain, start.toOpaque())
        guard error == 0 else {
            start.release()
            throw Errno(rawValue: error)
        }
        self.handle = handle
    }

    deinit { pthread_detach(handle) }

    /// Waits until the body has returned.
    /// - Throws: `.deadlock` from the thread itself, which is then detached.
    public consuming func join() throws(Errno) {
        let handle = self.handle
        let error = pthread_join(handle, nil)
        if error != 0 { pthread_detach(handle) }
        discard self
        guard error == 0 else { throw Errno(rawValue: error) }
    }

    /// Sends the thread a signal; one that has ended already ignores it.
    public borrowing func send(_ signal: Signal) throws(Errno) {
        let error = pthread_kill(handle, signal.rawValue)
        guard error == 0 || error == ESRCH else { throw Errno(rawValue: error) }
    }

    /// Lets the calling thread sleep for all of this time, whatever signals come: for what sends no event.
    public static func sleep(for duration: Duration) {
        let nanoseconds = max(0, duration.nanoseconds)
        var time = timespec(tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
        var left = timespec()
        while nanosleep(&time, &left) < 0 && Glibc.errno == EINTR { time = left }
    }

    /// The kernel's number of the calling thread, as `/proc/self/task` lists it.
    public static var currentID: Int32 { gettid() }
}

private final class Start: Sendable {
    let name: String
    let body: @Sendable () -> Void

    init(name: String, _ body: @escaping @Sendable () -> Void) {
        self.name = name
        self.body = body
    }
}

/// A free function, so that it belongs to no actor.
private func threadMain(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let argument else { return nil }
    let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
    _ = pthread_setname_np(pthread_self(), start.name)
    start.body()
    return nil
}
