// SPDX-License-Identifier: Apache-2.0
internal import CSeccompilerBPF
internal import Glibc
public import VMMSysUtil

/// What becomes of a call that a filter answers with ``Action/trap``: one line that names thread, call and arguments, and the
/// end of the process. Without this the process ends by `SIGSYS`, and nobody knows why.
///
/// A filter must allow what the end needs: `write` and `exit_group`, and `prctl(PR_GET_NAME)` of threads that were not named
/// here. A thread that blocks `SIGSYS` ends the process by it, without a line.
public enum Violations {
    /// The status of a process that ended by a violation, unless another is asked for.
    public static let status: Int32 = 148

    /// Takes over `SIGSYS`, for all threads.
    ///
    /// - Parameters:
    ///   - program: the line's first word.
    ///   - descriptor: where the line goes; it stays open. Standard error unless another is given.
    ///   - status: with which the process ends.
    ///   - beforeExit: what is done behind the line; it runs in a signal handler.
    public static func report(
        as program: String, to descriptor: Int32 = 2, status: Int32 = Violations.status,
        beforeExit: (@convention(c) () -> Void)? = nil
    ) throws(Errno) {
        let names = SystemCall.names
        let result = names.withUTF8Buffer { buffer in
            buffer.withMemoryRebound(to: CChar.self) { names in
                // The text is never freed: a violation may come at any time.
                var how = cseccompiler_report(
                    program: strdup(program), call_names: names.baseAddress, call_names_byte_count: names.count,
                    before_exit: beforeExit, descriptor: descriptor, status: status)
                return cseccompiler_report_violations(&how)
            }
        }
        guard result == 0 else { throw .last }
    }

    /// Ends the process as a violation does, with a reason in place of the call: for a thread that must not go on because its
    /// filter cannot be put on. To be called after ``report(as:to:status:beforeExit:)``.
    public static func end(because reason: String) -> Never { cseccompiler_end(reason) }

    /// What a violation calls the calling thread, in place of the name that the kernel has for it. 15 bytes are kept.
    public static func nameThread(_ name: String) { cseccompiler_name_thread(name) }
}
