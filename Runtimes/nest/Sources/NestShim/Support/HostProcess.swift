// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import VMMSysUtil

/// A process of this host that may have ended, and whose number may be another's by now.
struct HostProcess: Equatable, Sendable {
    /// Its number.
    var id: Int32
    /// When it started, in the kernel's ticks since boot: with the number, this names one process for ever.
    var startTime: UInt64

    /// The process that has this number now; nil if there is none.
    init?(id: Int32) {
        guard id > 0, let startTime = Self.startTime(of: id) else { return nil }
        self.id = id
        self.startTime = startTime
    }

    init(id: Int32, startTime: UInt64) {
        self.id = id
        self.startTime = startTime
    }

    /// Whether it is still there (a zombie is not).
    var isAlive: Bool { Self.startTime(of: id) == startTime }

    /// Kills it, if it is still the same.
    func kill() {
        if isAlive { Glibc.kill(id, SIGKILL) }
    }

    /// Field 22 of `/proc/PID/stat` (proc(5)), counted behind the name, which may hold anything.
    private static func startTime(of id: Int32) -> UInt64? {
        guard let text = Files.text("/proc/\(id)/stat"), let end = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: end)...].split(separator: " ")
        guard fields.count > 19, fields[0] != "Z", fields[0] != "X" else { return nil }
        return UInt64(fields[19])
    }
}

/// Starts programs.
enum Spawn {
    /// What a program gets as its descriptors, by number; all others are closed to it.
    /// - Parameter descriptors: pairs of the number in the child and a number of this process.
    /// - Returns: the child's process number; the caller waits for it.
    static func start(
        _ path: String, _ arguments: [String], environment: [String], descriptors: [(Int32, Int32)],
        inNewSession: Bool
    ) throws(Errno) -> Int32 {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        // Moved out of the way first, so that none is overwritten before it was copied.
        var copies: [Int32] = []
        defer { for copy in copies { close(copy) } }
        for (target, source) in descriptors {
            let copy = fcntl(source, F_DUPFD_CLOEXEC, 64)
            guard copy >= 0 else { throw .last }
            copies.append(copy)
            posix_spawn_file_actions_adddup2(&actions, copy, target)
        }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        // POSIX_SPAWN_SETSID (0x80), which Swift does not import; a session of its own is a process group of its own.
        let group = inNewSession ? 0x80 : Int32(POSIX_SPAWN_SETPGROUP)
        posix_spawnattr_setflags(
            &attributes, Int16(group | Int32(POSIX_SPAWN_SETSIGMASK) | Int32(POSIX_SPAWN_SETSIGDEF)))
        var pid: pid_t = 0
        let error = withCStrings([path] + arguments) { argv in
            withCStrings(environment) { envp in posix_spawn(&pid, path, &actions, &attributes, argv, envp) }
        }
        guard error == 0 else { throw Errno(rawValue: error) }
        return pid
    }

    private static func withCStrings<Result>(
        _ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
    ) -> Result {
        var pointers: [UnsafeMutablePointer<CChar>?] = strings.map { strdup($0) }
        pointers.append(nil)
        defer { for pointer in pointers { free(pointer) } }
        return body(pointers)
    }

    /// This program's file; the link in /proc where its name is gone, as after an update.
    static var ownProgram: String {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = buffer.withUnsafeMutableBytes { bytes in
            bytes.withMemoryRebound(to: CChar.self) { text in
                text.baseAddress.map { readlink("/proc/self/exe", $0, text.count) } ?? 0
            }
        }
        let path = String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
        return !path.isEmpty && access(path, X_OK) == 0 ? path : "/proc/self/exe"
    }

    /// This process's environment, as a child takes it.
    static var environment: [String] {
        var result: [String] = []
        var entry = environ
        while let text = entry.pointee {
            result.append(String(cString: text))
            entry += 1
        }
        return result
    }
}
