// SPDX-License-Identifier: Apache-2.0
internal import CNestAgent
internal import Glibc
internal import VMMSysUtil

/// The descriptors that a program finds as 0, 1 and 2; nil is `/dev/null`.
struct ProgramStreams {
    var input: Int32?
    var output: Int32?
    var error: Int32?
}

/// Starts a program with default signals, a session of its own and no descriptor but the three.
///
/// - Returns: its number; it must be claimed from the reaper by who holds `claiming`.
func spawn(_ path: String, _ arguments: [String], environment: [String], _ streams: ProgramStreams) throws(AgentError)
    -> pid_t
{
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (number, source) in [(Int32(0), streams.input), (1, streams.output), (2, streams.error)] {
        if let source {
            posix_spawn_file_actions_adddup2(&actions, source, number)
        } else {
            posix_spawn_file_actions_addopen(&actions, number, "/dev/null", number == 0 ? O_RDONLY : O_WRONLY, 0)
        }
    }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    // SIGPIPE is ignored here, and an ignored signal is inherited.
    var all = sigset_t()
    sigfillset(&all)
    posix_spawnattr_setsigdefault(&attributes, &all)
    let flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | 0x80  // POSIX_SPAWN_SETSID
    posix_spawnattr_setflags(&attributes, Int16(truncatingIfNeeded: flags))

    let strings = (arguments + environment).map { strdup($0) }
    defer { for string in strings { free(string) } }
    let argv = Array(strings[..<arguments.count]) + [nil]
    let envp = Array(strings[arguments.count...]) + [nil]
    var pid: pid_t = 0
    let error = posix_spawn(&pid, path, &actions, &attributes, argv, envp)
    guard error == 0 else { throw .system(operation: "run", subject: path, Errno(rawValue: error)) }
    return pid
}
