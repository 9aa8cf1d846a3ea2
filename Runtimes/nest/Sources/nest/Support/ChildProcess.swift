// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import VMMSysUtil

/// A program that ran to its end, or was ended when its time was over.
struct ChildProcess {
    /// The exit status; 128+n if signal n ended it.
    let status: Int32
    /// What it wrote to standard output and standard error: the last 64 KiB.
    let output: String
    /// Whether it was ended because its time was over.
    let tookTooLong: Bool

    /// The last line that is not empty.
    var lastLine: String { output.split(whereSeparator: \.isNewline).last.map(String.init) ?? "" }

    /// Runs a program without input, for a limited time, with all it starts in a process group of its own.
    static func run(_ arguments: [String], limit: Duration) throws(Errno) -> ChildProcess {
        var ends: [Int32] = [-1, -1]
        if pipe(&ends) < 0 { throw Errno.last }
        let reader = FileDescriptor(owning: ends[0])
        let writer = FileDescriptor(owning: ends[1])
        try reader.setCloseOnExec(true)
        let process = try spawn(arguments, output: writer)
        // The pipe ends when the last process that holds its other end does; that must not be this one.
        discard(writer)
        let deadline = ContinuousClock.now + limit
        var output: [UInt8] = []
        var tookTooLong = !collect(from: reader, into: &output, until: deadline)
        var status: Int32 = 0
        while waitpid(process, &status, WNOHANG) == 0 {
            if ContinuousClock.now >= deadline { tookTooLong = true }
            if tookTooLong { kill(-process, SIGKILL) }
            usleep(2000)
        }
        kill(-process, SIGKILL)
        return ChildProcess(
            status: status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F),
            output: String(decoding: output, as: UTF8.self), tookTooLong: tookTooLong)
    }

    private static func spawn(
        _ arguments: [String], output: borrowing FileDescriptor
    ) throws(Errno) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output.rawValue, 1)
        posix_spawn_file_actions_adddup2(&actions, output.rawValue, 2)
        if output.rawValue > 2 { posix_spawn_file_actions_addclose(&actions, output.rawValue) }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
        posix_spawnattr_setpgroup(&attributes, 0)
        var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
        pointers.append(nil)
        defer { for pointer in pointers { free(pointer) } }
        guard let name = pointers.first ?? nil else { throw .invalidArgument }
        var process: pid_t = 0
        let error = posix_spawnp(&process, name, &actions, &attributes, pointers, environ)
        if error != 0 { throw Errno(rawValue: error) }
        return process
    }

    /// Reads to the end.
    /// - Returns: false if the deadline came first.
    private static func collect(
        from reader: borrowing FileDescriptor, into output: inout [UInt8], until deadline: ContinuousClock.Instant
    ) -> Bool {
        var chunk = [UInt8](repeating: 0, count: 16384)
        while true {
            let left = (deadline - ContinuousClock.now) / .milliseconds(1)
            if left <= 0 { return false }
            var wait = pollfd(fd: reader.rawValue, events: Int16(POLLIN), revents: 0)
            if poll(&wait, 1, Int32(min(left.rounded(.up), 60_000))) <= 0 { continue }
            let count = read(reader.rawValue, &chunk, chunk.count)
            if count == 0 || (count < 0 && errno != EINTR) { return true }
            output.append(contentsOf: chunk.prefix(max(0, count)))
            if output.count > 128 << 10 { output.removeFirst(output.count - 64 << 10) }
        }
    }
}

/// Ends the life of a value here.
private func discard(_ descriptor: consuming FileDescriptor) {}
