// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import NestModel
internal import NestSandbox
internal import Synchronization
internal import VMMSysUtil

/// Turns what a VMM writes into lines for a log. Guest and VMM are hostile: lines are cut, their control characters taken
/// out, and a flood is counted instead of passed on.
final class ConsoleReader: Sendable {
    private let sink: @Sendable (String) -> Void
    private let recent = Mutex<[String]>([])

    /// The longest line, in bytes.
    static let lineLimit = 1024
    /// How many of the last lines an error shows.
    private static let recentCount = 6

    init(_ sink: @escaping @Sendable (String) -> Void) { self.sink = sink }

    /// The last lines.
    var lastLines: [String] { recent.withLock { $0 } }

    /// Reads both pipes on a thread of its own until their writers are gone.
    func start(output: consuming FileDescriptor, error: consuming FileDescriptor) throws(Errno) {
        let (first, second) = (output.release(), error.release())
        do throws(Errno) {
            // A refused call is told from a handler.
            var blocked = SignalSet.all
            blocked.remove(.badSystemCall)
            _ = try Thread(name: "console", stackByteCount: 256 << 10, blockedSignals: blocked) { [self] in
                Confinement.narrow(.shimGuest)
                read(FileDescriptor(owning: first), FileDescriptor(owning: second))
            }
        } catch {
            close(first)
            close(second)
            throw error
        }
    }

    private func read(_ output: consuming FileDescriptor, _ error: consuming FileDescriptor) {
        var lines = [LineAssembler(), LineAssembler()]
        var limiter = LineLimiter()
        var polled = [output.rawValue, error.rawValue].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        var chunk = [UInt8](repeating: 0, count: 4096)
        while polled.contains(where: { $0.fd >= 0 }) {
            if poll(&polled, 2, -1) < 0 && Glibc.errno != EINTR { break }
            for index in polled.indices where polled[index].fd >= 0 && polled[index].revents != 0 {
                let count = Glibc.read(polled[index].fd, &chunk, chunk.count)
                if count < 0 && (Glibc.errno == EINTR || Glibc.errno == EAGAIN) { continue }
                if count <= 0 {
                    polled[index].fd = -1
                    lines[index].finish { pass($0, &limiter) }
                    continue
                }
                lines[index].add(chunk[..<count]) { pass($0, &limiter) }
            }
        }
        limiter.reportDropped(to: sink)
    }

    private func pass(_ line: String, _ limiter: inout LineLimiter) {
        recent.withLock { lines in
            lines.append(line)
            if lines.count > Self.recentCount { lines.removeFirst() }
        }
        limiter.pass(line, to: sink)
    }
}

/// Bytes to lines of bounded length.
package struct LineAssembler {
    private var line: [UInt8] = []
    private var isCut = false

    /// No bytes yet.
    package init() {}

    /// Takes bytes in and hands out what they complete.
    package mutating func add(_ bytes: some Sequence<UInt8>, _ emit: (String) -> Void) {
        for byte in bytes {
            if byte == UInt8(ascii: "\n") {
                finish(emit)
            } else if line.count < ConsoleReader.lineLimit {
                line.append(byte)
            } else {
                isCut = true
            }
        }
    }

    /// Hands out a line that has no end.
    package mutating func finish(_ emit: (String) -> Void) {
        while line.last == UInt8(ascii: "\r") { line.removeLast() }
        // Escape sequences would reach the terminal of whoever reads the log, or the error that shows the last lines.
        let bytes = line.map { $0 < 0x20 || $0 == 0x7F ? UInt8(ascii: " ") : $0 }
        // What is no UTF-8 has three bytes for one.
        let text = PlainLine.of(String(decoding: bytes, as: UTF8.self), byteLimit: 3 * ConsoleReader.lineLimit)
        if !text.isEmpty { emit(isCut ? text + " ..." : text) }
        line.removeAll(keepingCapacity: true)
        isCut = false
    }
}
