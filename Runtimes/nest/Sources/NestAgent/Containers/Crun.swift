// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import NestSandbox
internal import Synchronization
internal import VMMSysUtil

/// The program that makes containers.
final class Crun: Sendable {
    private let program: String
    private let root: String
    private let scratch: String
    private let reaper: Reaper
    private let log: AgentLog
    private let fault: AgentFault?
    private let counter = Atomic<UInt64>(0)

    /// - Parameters:
    ///   - root: where crun keeps its state.
    ///   - scratch: a directory for files that live as long as one run.
    init(program: String, root: String, scratch: String, reaper: Reaper, log: AgentLog, fault: AgentFault? = nil) {
        self.program = program
        self.root = root
        self.scratch = scratch
        self.reaper = reaper
        self.log = log
        self.fault = fault
    }

    /// A name in the scratch directory that nobody else has.
    func temporaryPath(_ kind: String) -> String {
        "\(scratch)/\(kind)-\(counter.wrappingAdd(1, ordering: .relaxed).newValue)"
    }

    /// Takes away crun's record of a container that has no processes.
    func forget(_ id: String) { Directory.removeTree("\(root)/\(id)") }

    /// Runs crun to its end.
    /// - Throws: `.crun` with its own words when it fails, `.timedOut` when it was killed for taking too long.
    func run(
        _ arguments: [String], _ streams: ProgramStreams = .init(), timeout: Duration = .seconds(60)
    ) throws(AgentError) {
        let file = temporaryPath("crun-log")
        defer { unlink(file) }
        let options = ["--root", root, "--cgroup-manager", "cgroupfs", "--log", file, "--log-format", "json"]
        let started = Deadline.now
        let end = try reaper.claiming { () throws(AgentError) in
            reaper.claim(try start(["crun"] + options + arguments, streams))
        }
        fault?.reach(.crun, arguments.first ?? "") { [reaper] in try? reaper.signal(end, SIGKILL) }
        let status: Int32
        do throws(AgentError) { status = try end.wait(until: Deadline(after: timeout)) } catch {
            try? reaper.signal(end, SIGKILL)
            _ = try? end.wait(until: Deadline(after: .seconds(5)))
            throw .timedOut("crun \(arguments.first ?? "") has not ended within \(timeout)")
        }
        log.debug("crun \(arguments.first ?? ""): status \(status), \(started.elapsed.microseconds) µs")
        guard status == 0 else {
            let words = (try? Files.read(file, maximumByteCount: 64 << 10)).flatMap(Self.lastMessage)
            throw .crun(words ?? "crun \(arguments.first ?? "") ended with status \(status)")
        }
    }

    /// Starts it with none of this process's filters.
    private func start(_ words: [String], _ streams: ProgramStreams) throws(AgentError) -> pid_t {
        let program = self.program
        let started: Result<pid_t, AgentError>
        do throws(Errno) {
            started = try Launcher.shared.run("crun") { () -> Result<pid_t, AgentError> in
                do throws(AgentError) {
                    return .success(
                        try spawn(
                            program, words,
                            environment: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
                            streams))
                } catch { return .failure(error) }
            }
        } catch { throw .system(operation: "start a thread for", subject: program, error) }
        return try started.get()
    }

    /// The `msg` of the last line that has one.
    static func lastMessage(_ log: [UInt8]) -> String? {
        for line in log.split(separator: UInt8(ascii: "\n")).reversed() {
            if let message = member("msg", of: line) { return message }
        }
        return nil
    }

    /// The text of a member of a flat JSON object, by its name: enough for crun's log.
    private static func member(_ name: String, of line: ArraySlice<UInt8>) -> String? {
        let mark = Array("\"\(name)\"".utf8)
        guard line.count > mark.count,
            let start = line.indices.first(where: { line[$0...].starts(with: mark) })
        else { return nil }
        var rest = line[(start + mark.count)...].drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: ":") }
        guard rest.popFirst() == UInt8(ascii: "\"") else { return nil }
        var text: [UInt8] = []
        while let byte = rest.popFirst(), byte != UInt8(ascii: "\"") {
            guard byte == UInt8(ascii: "\\") else {
                text.append(byte)
                continue
            }
            switch rest.popFirst() {
            case UInt8(ascii: "n"), UInt8(ascii: "t"), UInt8(ascii: "r"): text.append(UInt8(ascii: " "))
            case UInt8(ascii: "u"):
                let digits = String(decoding: rest.prefix(4), as: UTF8.self)
                rest = rest.dropFirst(4)
                if let scalar = UInt32(digits, radix: 16).flatMap(Unicode.Scalar.init) {
                    text.append(contentsOf: String(Character(scalar)).utf8)
                }
            case let other?: text.append(other)
            case nil: break
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
