// SPDX-License-Identifier: Apache-2.0
internal import CNestAgent
internal import Glibc
internal import VMMSysUtil

/// Threads that carry bytes between a process and the host until there are no more.
enum Relay {
    /// As much as a pipe holds.
    static let byteCount = 64 << 10
    private static let stackByteCount = 64 << 10

    /// From what a process writes to the host: to the last byte of the last writer, then the host sees the end.
    ///
    /// - Parameters:
    ///   - source: a pipe's read end, or a terminal's master.
    ///   - finished: runs at the end.
    static func startOutput(
        from source: SharedDescriptor, to connection: SharedDescriptor, finished: @escaping @Sendable () -> Void
    ) throws(Errno) {
        _ = try Thread(name: "output", stackByteCount: stackByteCount) {
            // A process that writes line by line goes on writing: its lines travel together, and not in a packet each.
            _ = nest_run_in_batches()
            carryOutput(source.number, connection.number)
            connection.endSending()
            finished()
        }
    }

    private static func carryOutput(_ source: Int32, _ connection: Int32) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            // The end of a pipe is 0; that of a terminal is EIO.
            guard let count = try? retryOnInterrupt({ read(source, buffer.baseAddress, buffer.count) }), count > 0
            else { return }
            let isSent = deliver(UnsafeRawBufferPointer(rebasing: buffer.prefix(count))) { piece throws(Errno) in
                try retryOnInterrupt { write(connection, piece.baseAddress, piece.count) }
            }
            guard isSent else { return }
        }
    }

    /// Writes all of it, in smaller pieces where the machine lacks memory for large ones.
    /// - Returns: false when the connection takes nothing any more, or the machine has had no page for so long.
    static func deliver(
        _ bytes: UnsafeRawBufferPointer, patience: Duration = .seconds(30),
        write: (UnsafeRawBufferPointer) throws(Errno) -> Int
    ) -> Bool {
        var rest = bytes
        var piece = PieceSize(bytes.count, patience: patience)
        while !rest.isEmpty {
            do throws(Errno) {
                let count = try write(UnsafeRawBufferPointer(rebasing: rest.prefix(piece.byteCount)))
                rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
                piece.wasTaken()
            } catch .noMemory where piece.wasRefused() {
                continue
            } catch {
                return false
            }
        }
        return true
    }

    /// From the host to what a process reads: to the end of the stream, then the process sees it too.
    ///
    /// - Parameters:
    ///   - target: a pipe's write end, which this owns alone; or a terminal's master.
    static func startInput(
        from connection: SharedDescriptor, to target: SharedDescriptor, finished: @escaping @Sendable () -> Void
    ) throws(Errno) {
        _ = try Thread(name: "input", stackByteCount: stackByteCount) {
            carryInput(connection.number, target.number)
            // What nobody will read need not be sent: the host's writes fail from now on instead of waiting.
            connection.end()
            finished()
        }
    }

    private static func carryInput(_ connection: Int32, _ target: Int32) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 16)
        defer { buffer.deallocate() }
        while waitForInput(connection, target) {
            guard let count = try? retryOnInterrupt({ read(connection, buffer.baseAddress, buffer.count) }), count > 0
            else { return }
            var done = 0
            while done < count {
                let start = done
                // EPIPE when the last reader is gone: the process has closed its input, which is its right.
                guard
                    let sent = try? retryOnInterrupt({
                        write(target, buffer.baseAddress.map { $0 + start }, count - start)
                    })
                else { return }
                done += sent
            }
        }
    }

    /// Waits for bytes from the host.
    /// - Returns: false when the process's side has no reader any more.
    private static func waitForInput(_ connection: Int32, _ target: Int32) -> Bool {
        while true {
            var polled = [
                pollfd(fd: connection, events: Int16(POLLIN), revents: 0), pollfd(fd: target, events: 0, revents: 0),
            ]
            guard (try? retryOnInterrupt({ poll(&polled, 2, -1) })) != nil else { return false }
            if Int32(polled[1].revents) & (POLLERR | POLLHUP | POLLNVAL) != 0 { return false }
            if polled[0].revents != 0 { return true }
        }
    }
}
