// SPDX-License-Identifier: Apache-2.0
internal import CNestResources
internal import Glibc
internal import VMMSysUtil

/// A helper program of the host that runs to its end, within a time limit, and dies with the thread that started it: one of
/// `Launcher`, whose filter it does not inherit.
enum HostTool {
    /// How a run ended.
    struct Outcome: Equatable, Sendable {
        /// 0 to 255; 128 + n for signal n.
        var status: Int32
        /// The last line that it wrote, cut to a few hundred bytes.
        var lastLine: String
        /// Whether it was killed because its time was up.
        var wasTooSlow: Bool
    }

    /// Where a program is, in the directories where a system has its own.
    static func find(_ name: String) -> String? {
        ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
            .map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
    }

    /// Runs a program.
    /// - Parameters:
    ///   - fileBytes: the most that it may write into one file.
    static func run(_ arguments: [String], seconds: Int, fileBytes: UInt64) throws(Errno) -> Outcome {
        guard arguments.allSatisfy({ !$0.utf8.contains(0) }) else { throw .invalidArgument }
        let words = try Pipe(isNonBlocking: true)
        var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        var pid: Int32 = 0
        let output = words.writeEnd.rawValue
        let handle = pointers.withUnsafeMutableBufferPointer { pointers in
            var tool = nest_tool(arguments: pointers.baseAddress, output: output, file_bytes: fileBytes)
            return nest_tool_start(&tool, &pid)
        }
        guard handle >= 0 else { throw .last }
        let process = FileDescriptor(owning: handle)
        var said: [UInt8] = []
        let deadline = Deadline(after: .seconds(seconds))
        var wasTooSlow = false
        while true {
            var polled = [
                pollfd(fd: process.rawValue, events: Int16(POLLIN), revents: 0),
                pollfd(fd: words.readEnd.rawValue, events: Int16(POLLIN), revents: 0),
            ]
            let count = poll(&polled, 2, deadline.pollMilliseconds)
            drain(words.readEnd, into: &said)
            if count > 0 && polled[0].revents != 0 { break }
            if deadline.hasPassed && !wasTooSlow {
                wasTooSlow = true
                kill(pid, SIGKILL)
                // It ends now; a process in an uninterruptible wait ends when its disk answers.
                _ = poll(&polled, 1, 5000)
                break
            }
        }
        var status: Int32 = 0
        try retryOnInterrupt { waitpid(pid, &status, wasTooSlow ? WNOHANG : 0) }
        drain(words.readEnd, into: &said)
        let signal = status & 0x7F
        let line = said.split { $0 < 0x20 || $0 == 0x7F }.last.map { String(decoding: $0.suffix(300), as: UTF8.self) }
        return Outcome(
            status: signal == 0 ? (status >> 8) & 0xFF : 128 + signal, lastLine: line ?? "it gave no reason",
            wasTooSlow: wasTooSlow)
    }

    /// Takes what the program wrote, keeping the last few KiB.
    private static func drain(_ pipe: borrowing FileDescriptor, into said: inout [UInt8]) {
        var chunk = [UInt8](repeating: 0, count: 4096)
        while let count = try? readOnce(pipe, into: &chunk), count > 0 {
            said += chunk[..<count]
            if said.count > 8192 { said.removeFirst(said.count - 4096) }
        }
    }
}
