// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import VMMSysUtil

/// Carries what a client writes to a process's standard input.
///
/// The input ends with CloseIO, behind what is in the FIFO by then, or when the last client has closed the FIFO, as with
/// runc: a client whose input ends before its container is made never calls CloseIO. A FIFO that no client has opened yet
/// is waited for.
final class InputRelay: Sendable {
    private struct State {
        var isDone = false
        var isClosing = false
        var isCancelled = false
    }

    private let state = Monitor(State())
    private let source: Int32
    private let sink: Int32
    private let isFIFO: Bool
    private let wake: EventFD

    /// Takes the open source, non-blocking, and the stream, and begins.
    init(source: consuming FileDescriptor, isFIFO: Bool, sink: consuming FileDescriptor) throws(Errno) {
        let wake = try EventFD()
        self.wake = wake
        self.isFIFO = isFIFO
        self.source = source.release()
        self.sink = sink.release()
        do throws(Errno) {
            try startGuestThread("input") { self.run() }
        } catch {
            finish()
            throw error
        }
    }

    /// Ends the process's input behind the last byte that the client has written.
    func closeInput() {
        state.update { state in
            guard !state.isDone else { return }
            state.isClosing = true
            try? wake.write()
        }
    }

    /// Ends at once: the process is gone.
    func cancel() {
        state.update { state in
            guard !state.isDone else { return }
            state.isCancelled = true
            shutdown(sink, Int32(SHUT_RDWR))
            try? wake.write()
        }
    }

    private func run() {
        var buffer = [UInt8](repeating: 0, count: 65536)
        loop: while true {
            let isClosing = state.withLock { $0.isClosing }
            let count = buffer.withUnsafeMutableBytes { read(source, $0.baseAddress, $0.count) }
            if count > 0 {
                guard (try? deliver(buffer[..<min(count, buffer.count)])) != nil else { break }
                continue
            }
            // No client has the FIFO open, or it is empty. `isClosing` was asked before the read: what was written before the
            // request has been seen.
            let mayGoOn = count == 0 ? isFIFO : Errno.last == .wouldBlock
            if count < 0, Errno.last == .interrupted { continue }
            guard mayGoOn, !isClosing, waitForData() else { break loop }
        }
        finish()
    }

    private func deliver(_ bytes: ArraySlice<UInt8>) throws(Errno) {
        var rest = bytes
        let number = sink
        while !rest.isEmpty {
            let count = try retryOnInterrupt { rest.withUnsafeBytes { write(number, $0.baseAddress, $0.count) } }
            rest = rest.dropFirst(count)
        }
    }

    /// - Returns: false when there will be none: the last client has gone, or so has the process.
    private func waitForData() -> Bool {
        var events = [
            pollfd(fd: source, events: Int16(POLLIN), revents: 0),
            pollfd(fd: wake.descriptor.rawValue, events: Int16(POLLIN), revents: 0),
        ]
        guard poll(&events, 2, -1) >= 0 || Errno.last == .interrupted else { return false }
        // Linux tells a FIFO that lost its last writer (POLLHUP) from one that has not had any (nothing).
        if let client = events.first.map({ Int32($0.revents) }), client & POLLHUP != 0, client & POLLIN == 0 {
            return false
        }
        return state.withLock { !$0.isCancelled }
    }

    private func finish() {
        state.update { state in
            // The half of the stream alone: the guest reads an end of file, not an error.
            if !state.isCancelled { shutdown(sink, Int32(SHUT_WR)) }
            close(sink)
            close(source)
            state.isDone = true
        }
    }
}
