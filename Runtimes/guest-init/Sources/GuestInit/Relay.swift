// SPDX-License-Identifier: Apache-2.0
import CGuestInit

/// Carries bytes between the console ports and the command's pipes until it has ended and all output is through.
/// - Returns: the command's wait status.
func relay(
    _ command: Command, stdin: Int32, stdout: Int32, stderr: Int32, childSignals: Int32
) -> Int32 {
    var channels = [
        Channel(from: stdin, to: command.input, pipe: command.input),
        Channel(from: command.output, to: stdout, pipe: command.output),
        Channel(from: command.error, to: stderr, pipe: command.error),
    ]
    var status: Int32?
    while true {
        if let ended = reap(command.process) {
            status = ended
            // What the command left running goes with it, as in a pid namespace; this also ends the output pipes.
            kill(-1, SIGKILL)
            channels[0].abandon()
        }
        if let status, channels[1].isDone, channels[2].isDone {
            close(stdin)
            return status
        }
        var polls = [pollfd(fd: childSignals, events: Int16(POLLIN), revents: 0)]
        for channel in channels { polls.append(channel.interest) }
        if poll(&polls, nfds_t(polls.count), -1) < 0 { continue }
        if polls[0].revents != 0 { drainSignals(childSignals) }
        for index in channels.indices where polls[index + 1].revents != 0 { channels[index].move() }
    }
}

/// One direction: a source, a destination, and what was read but not yet written.
private struct Channel {
    private let source: Int32
    private let destination: Int32
    private let pipe: Int32
    private var buffer = [UInt8](repeating: 0, count: 65536)
    private var pending = 0..<0
    private var sourceEnded = false
    private(set) var isDone = false

    /// - Parameter pipe: the end of the two that is the command's pipe.
    init(from source: Int32, to destination: Int32, pipe: Int32) {
        self.source = source
        self.destination = destination
        self.pipe = pipe
    }

    /// What to wait for: room if there is something to write, else something to read.
    var interest: pollfd {
        if isDone { return pollfd(fd: -1, events: 0, revents: 0) }
        return pending.isEmpty
            ? pollfd(fd: source, events: Int16(POLLIN), revents: 0)
            : pollfd(fd: destination, events: Int16(POLLOUT), revents: 0)
    }

    mutating func move() {
        if isDone { return }
        if pending.isEmpty {
            var count = buffer.withUnsafeMutableBytes { read(source, $0.baseAddress, $0.count) }
            // A console port may answer 0 while its last bytes and its close arrive together: only the second 0 is the end.
            if count == 0 { count = buffer.withUnsafeMutableBytes { read(source, $0.baseAddress, $0.count) } }
            if count > 0 {
                pending = 0..<count
            } else if count == 0 || (errno != EAGAIN && errno != EINTR) {
                sourceEnded = true
            }
        }
        while !pending.isEmpty {
            let count = buffer.withUnsafeBytes { bytes in
                write(destination, bytes.baseAddress.map { $0 + pending.lowerBound }, pending.count)
            }
            if count > 0 {
                pending = (pending.lowerBound + count)..<pending.upperBound
            } else if count < 0 && errno == EAGAIN {
                return
            } else if count < 0 && errno != EINTR {
                // The reader is gone; for a command's input that is its right, and the rest is dropped.
                abandon()
                return
            }
        }
        if sourceEnded { abandon() }
    }

    /// Ends this direction and closes the pipe: that is how the command sees the end of its input.
    mutating func abandon() {
        if isDone { return }
        isDone = true
        pending = 0..<0
        close(pipe)
    }
}

/// Collects every child that ended; orphans are ours too.
/// - Returns: the status of the one asked for, if it is among them.
private func reap(_ process: pid_t) -> Int32? {
    var result: Int32?
    while true {
        var status: Int32 = 0
        let ended = waitpid(-1, &status, WNOHANG)
        if ended <= 0 { return result }
        if ended == process { result = status }
    }
}

private func drainSignals(_ descriptor: Int32) {
    var record = signalfd_siginfo()
    while read(descriptor, &record, MemoryLayout<signalfd_siginfo>.size) > 0 {}
}
