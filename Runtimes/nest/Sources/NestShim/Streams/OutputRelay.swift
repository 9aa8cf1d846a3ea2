// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import VMMSysUtil

/// Carries what a process writes from its vsock stream to where the client wants it, up to the exact end of the stream.
///
/// A reader that is slow slows the process down, as with a pipe; only `cancel` gives up what is still under way.
final class OutputRelay: Sendable {
    private struct State {
        var isDone = false
        var isCancelled = false
    }

    private let state = Monitor(State())
    private let source: Int32
    private let sink: Int32
    private let wake: EventFD

    /// Takes the stream and the open target, and begins.
    init(source: consuming FileDescriptor, sink: consuming FileDescriptor) throws(Errno) {
        let wake = try EventFD()
        // The thread owns both from here on: what ends the relay closes them.
        self.wake = wake
        self.source = source.release()
        self.sink = sink.release()
        do throws(Errno) {
            try startGuestThread("output") { self.run() }
        } catch {
            finish()
            throw error
        }
    }

    /// Waits until all is delivered or given up; false when the time is over first.
    @discardableResult
    func waitUntilDone(until deadline: Deadline?) -> Bool {
        state.wait(until: deadline) { $0.isDone ? true : nil } ?? false
    }

    /// Gives up what is under way and closes the target.
    func cancel() {
        state.update { state in
            guard !state.isDone else { return }
            state.isCancelled = true
            shutdown(source, Int32(SHUT_RDWR))
            try? wake.write()
        }
    }

    private func run() {
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let number = source
            let count = buffer.withUnsafeMutableBytes { bytes in
                (try? retryOnInterrupt { read(number, bytes.baseAddress, bytes.count) }) ?? 0
            }
            guard count > 0, deliver(buffer[..<min(count, buffer.count)]) else { break }
        }
        waitForReader()
        finish()
    }

    /// How long a reader may take for the last bytes before it is taken for a slow one.
    private static let readerPatience: Duration = .milliseconds(500)

    /// Lets the reader empty the pipe. containerd's clients close their end when they hear that the process has ended, which
    /// must not be before they have what it wrote last. Nothing tells that a pipe is empty, so it is asked.
    private func waitForReader() {
        let deadline = Deadline(after: Self.readerPatience)
        var unread: Int32 = 0
        while ioctl(sink, UInt(FIONREAD), &unread) == 0, unread > 0, !deadline.hasPassed,
            state.withLock({ !$0.isCancelled })
        {
            Thread.sleep(for: .milliseconds(1))
        }
    }

    private func deliver(_ bytes: ArraySlice<UInt8>) -> Bool {
        var rest = bytes
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(sink, $0.baseAddress, $0.count) }
            if count > 0 {
                rest = rest.dropFirst(count)
                continue
            }
            guard count < 0 else { return false }
            switch Errno.last {
            case .interrupted: continue
            case .wouldBlock: guard waitForRoom() else { return false }
            default: return false
            }
        }
        return true
    }

    private func waitForRoom() -> Bool {
        var events = [
            pollfd(fd: sink, events: Int16(POLLOUT), revents: 0),
            pollfd(fd: wake.descriptor.rawValue, events: Int16(POLLIN), revents: 0),
        ]
        guard poll(&events, 2, -1) >= 0 || Errno.last == .interrupted else { return false }
        return state.withLock { !$0.isCancelled }
    }

    private func finish() {
        state.update { state in
            close(source)
            close(sink)
            state.isDone = true
        }
    }
}
