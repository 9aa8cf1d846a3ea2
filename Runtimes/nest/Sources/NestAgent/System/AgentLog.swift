// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import Synchronization
internal import VMMSysUtil

/// How much the log tells.
public enum AgentLogLevel: Int, Comparable, Sendable {
    /// Only what ends the agent; goes to the kernel's console too.
    case fatal
    /// What failed.
    case error
    /// What is odd.
    case warn
    /// What a pod's operator may want to see.
    case info
    /// Every call.
    case debug

    /// The level of a word of the kernel command line (`agent.log=`).
    public init?(word: String) {
        switch word {
        case "fatal", "critical": self = .fatal
        case "error": self = .error
        case "warn", "warning": self = .warn
        case "info": self = .info
        case "debug", "trace": self = .debug
        default: return nil
        }
    }

    /// Less is more urgent.
    public static func < (left: AgentLogLevel, right: AgentLogLevel) -> Bool { left.rawValue < right.rawValue }
}

/// Lines of the agent: the last ones are kept, and who listens gets them and those that come.
///
/// A line is `level seconds text`, with the seconds since boot.
final class AgentLog: Sendable {
    /// Bytes of lines that are kept for who comes later, or reads slowly.
    static let maximumByteCount = 256 << 10
    static let maximumLineByteCount = 4 << 10

    private struct Ring {
        var lines: [[UInt8]] = []
        var byteCount = 0
        /// The number of the first line.
        var first = 0
    }

    private let ring = Monitor(Ring())
    private let highest = Atomic(AgentLogLevel.info.rawValue)

    func setLevel(_ level: AgentLogLevel) { highest.store(level.rawValue, ordering: .relaxed) }

    func error(_ text: @autoclosure () -> String) { write(.error, text) }
    func warn(_ text: @autoclosure () -> String) { write(.warn, text) }
    func info(_ text: @autoclosure () -> String) { write(.info, text) }
    func debug(_ text: @autoclosure () -> String) { write(.debug, text) }

    /// The last words: on standard error, which is the kernel's console, too.
    func fatal(_ text: String) {
        write(.fatal) { text }
        let line = "nest-agent: \(text)\n"
        _ = Array(line.utf8).withUnsafeBytes { Glibc.write(2, $0.baseAddress, $0.count) }
    }

    private func write(_ level: AgentLogLevel, _ text: () -> String) {
        guard level.rawValue <= highest.load(ordering: .relaxed) else { return }
        let microseconds = Deadline.now.nanoseconds / 1000
        let fraction = String(microseconds % 1_000_000)
        let zeros = String(repeating: "0", count: max(0, 6 - fraction.utf8.count))
        var line = Array("\(level) \(microseconds / 1_000_000).\(zeros)\(fraction) \(text())".utf8)
        if line.count > Self.maximumLineByteCount { line.removeSubrange(Self.maximumLineByteCount...) }
        // One record is one line, whatever a container or crun put into it.
        for index in line.indices where line[index] == UInt8(ascii: "\n") { line[index] = UInt8(ascii: " ") }
        line.append(UInt8(ascii: "\n"))
        ring.update { ring in
            ring.lines.append(line)
            ring.byteCount += line.count
            var dropped = 0
            while ring.byteCount > Self.maximumByteCount, dropped < ring.lines.count {
                ring.byteCount -= ring.lines[dropped].count
                dropped += 1
            }
            // In steps, so that a full ring does not move all its lines for each new one.
            if dropped > 0 {
                ring.lines.removeFirst(dropped)
                ring.first += dropped
            }
        }
    }

    /// Waits for lines from a number on.
    /// - Returns: them, and the number of the next; what a slow reader missed is left out.
    func next(from number: Int) -> (lines: [[UInt8]], next: Int) {
        ring.wait { ring in
            let end = ring.first + ring.lines.count
            guard number < end else { return nil }
            return (Array(ring.lines[(max(number, ring.first) - ring.first)...]), end)
        } ?? ([], number)
    }
}
