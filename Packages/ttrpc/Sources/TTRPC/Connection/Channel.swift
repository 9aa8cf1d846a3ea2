// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import VMMSysUtil

/// One connection: a stream socket, whole frames in turns on the way out, bytes on the way in.
///
/// A peer that does not read blocks those who write to it, each for as long as its own deadline allows. Nothing raises
/// SIGPIPE.
final class Channel: Sendable {
    /// Why a frame was not sent.
    enum SendError: Error, Equatable {
        /// The deadline passed first. A frame that had begun will be completed before the next.
        case timedOut
        /// The connection is gone.
        case closed(Errno)
    }

    /// What came in.
    enum Arrival: Equatable {
        case bytes(Int)
        case timedOut
        /// Nothing will come again; nil where the peer ended it in good order.
        case ended(Errno?)
    }

    fileprivate struct Output {
        /// Somebody writes.
        var isBusy = false
        var waiterCount = 0
        /// What must go first: the rest of a frame that had begun, and answers that nobody waits for.
        var owed: [UInt8] = []
        var failure: Errno?
    }

    private let socket: FileDescriptor
    private let output = Monitor(Output())

    init(_ socket: consuming FileDescriptor) { self.socket = socket }

    /// Ends the connection for both sides: reads and writes return, in all threads. What was written still arrives.
    func shutdown() {
        _ = Glibc.shutdown(socket.rawValue, Int32(SHUT_RDWR))
    }

    // MARK: - Out

    /// Sends a frame, after those that were begun before.
    /// - Parameter onTurn: runs when nothing can come before the frame any more, which it may change; false sends nothing.
    func send(
        _ original: [UInt8], until deadline: Deadline? = nil, onTurn: (inout [UInt8]) -> Bool = { _ in true }
    ) throws(SendError) {
        var frame = original
        let turn = takeTurn(until: deadline)
        guard let turn else { throw .timedOut }
        var owed = try turn.get()
        var isFrameSent = false
        while true {
            let sent = try give(owed, until: deadline)
            guard sent == owed.count else { return try stop(owed[sent...], isFrameSent: isFrameSent) }
            if !isFrameSent, onTurn(&frame) {
                let sent = try give(frame, until: deadline)
                // Of a frame that has not begun nothing is owed.
                guard sent == frame.count else { return try stop(sent == 0 ? [] : frame[sent...], isFrameSent: false) }
            }
            isFrameSent = true
            let more = output.withLock { output in
                let more = output.takeOwed()
                if more.isEmpty { output.isBusy = false }
                return more
            }
            if more.isEmpty { break }
            owed = more
        }
        output.signal()
    }

    /// Waits until nobody else writes. Who comes goes behind those who wait, or one who sends without pause would let nobody
    /// else through.
    /// - Returns: what must go first; nil when the deadline passed.
    private func takeTurn(until deadline: Deadline?) -> Result<[UInt8], SendError>? {
        var isWaiter = false
        let turn = output.wait(until: deadline) { output -> Result<[UInt8], SendError>? in
            if output.failure == nil, output.isBusy || (!isWaiter && output.waiterCount > 0) {
                if !isWaiter { output.waiterCount += 1 }
                isWaiter = true
                return nil
            }
            if isWaiter { output.waiterCount -= 1 }
            if let failure = output.failure { return .failure(.closed(failure)) }
            output.isBusy = true
            return .success(output.takeOwed())
        }
        if turn == nil {
            output.withLock { $0.waiterCount -= 1 }
            // Somebody may have gone behind this one.
            output.signal()
        }
        return turn
    }

    /// Sends a frame if that needs no waiting, and else leaves it for whoever writes next. Never blocks.
    func post(_ frame: [UInt8]) {
        let isGone = output.withLock { output in
            guard output.failure == nil else { return false }
            output.owed += frame
            return flush(&output)
        }
        if isGone { output.broadcast() }
    }

    /// Sends what is owed as far as that needs no waiting.
    func flush() { if output.withLock({ flush(&$0) }) { output.broadcast() } }

    /// How many bytes wait for a peer that does not read.
    var owedByteCount: Int { output.withLock { $0.owed.count } }

    /// - Returns: whether the connection turned out to be gone.
    private func flush(_ output: inout Output) -> Bool {
        while !output.owed.isEmpty, !output.isBusy, output.failure == nil {
            do throws(Errno) {
                let count = try sendSome(output.owed[...])
                output.owed.removeFirst(count)
            } catch .wouldBlock {
                return false
            } catch {
                output.failure = error
                return true
            }
        }
        return false
    }

    /// The deadline passed in the middle: gives the turn back, and what must come first to the next.
    private func stop(_ rest: ArraySlice<UInt8>, isFrameSent: Bool) throws(SendError) {
        output.withLock { output in
            output.owed.insert(contentsOf: rest, at: 0)
            output.isBusy = false
        }
        output.signal()
        if !isFrameSent { throw .timedOut }
    }

    /// Writes until all is out or the deadline passed.
    /// - Returns: how many bytes went out.
    private func give(_ bytes: [UInt8], until deadline: Deadline?) throws(SendError) -> Int {
        var sent = 0
        var piece = PieceSize(bytes.count)
        while sent < bytes.count {
            do throws(Errno) {
                sent += try sendSome(bytes[sent...].prefix(piece.byteCount))
                piece.wasTaken()
            } catch .wouldBlock {
                if !poll(Int16(POLLOUT), until: deadline).isReady { return sent }
            } catch .noMemory where piece.wasRefused() {
                if deadline?.hasPassed == true { return sent }
            } catch {
                output.withLock { output in
                    output.failure = error
                    output.isBusy = false
                }
                output.broadcast()
                throw .closed(error)
            }
        }
        return sent
    }

    private func sendSome(_ bytes: ArraySlice<UInt8>) throws(Errno) -> Int {
        let number = socket.rawValue
        return try bytes.span.withUnsafeBytes { bytes throws(Errno) in
            try retryOnInterrupt {
                Glibc.send(number, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
            }
        }
    }

    // MARK: - In

    /// Reads what is there, once; sends what is owed meanwhile.
    func receive(into buffer: UnsafeMutableRawBufferPointer, until deadline: Deadline? = nil) -> Arrival {
        while true {
            let isOwing = output.withLock { !$0.isBusy && !$0.owed.isEmpty && $0.failure == nil }
            let isPatient = deadline == nil && !isOwing
            let number = socket.rawValue
            do throws(Errno) {
                let flags = isPatient ? 0 : Int32(MSG_DONTWAIT)
                let count = try retryOnInterrupt { recv(number, buffer.baseAddress, buffer.count, flags) }
                return count == 0 ? .ended(nil) : .bytes(count)
            } catch .wouldBlock {
                let ready = poll(Int16(POLLIN) | (isOwing ? Int16(POLLOUT) : 0), until: deadline)
                if isOwing, ready.canWrite { flush() }
                if !ready.isReady { return .timedOut }
            } catch {
                return .ended(error)
            }
        }
    }

    private struct Readiness {
        let isReady: Bool
        let canWrite: Bool
    }

    private func poll(_ events: Int16, until deadline: Deadline?) -> Readiness {
        var entry = pollfd(fd: socket.rawValue, events: events, revents: 0)
        while true {
            let count = Glibc.poll(&entry, 1, deadline?.pollMilliseconds ?? -1)
            if count > 0 { return Readiness(isReady: true, canWrite: entry.revents & Int16(POLLOUT) != 0) }
            if count == 0, deadline?.hasPassed ?? false { return Readiness(isReady: false, canWrite: false) }
            // The calls that follow tell what is wrong with the descriptor.
            if count < 0, Errno.last != .interrupted { return Readiness(isReady: true, canWrite: true) }
        }
    }
}

extension Channel.Output {
    fileprivate mutating func takeOwed() -> [UInt8] {
        let bytes = owed
        owed = []
        return bytes
    }
}
