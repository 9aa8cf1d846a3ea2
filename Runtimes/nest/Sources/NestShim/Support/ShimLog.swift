// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import NestModel
internal import Synchronization
internal import VMMSysUtil

/// The log that containerd reads from the bundle's `log` FIFO: a line a record, and a word at its start that says whose
/// line it is.
public final class ShimLog: Sendable {
    /// Whose line it is.
    public enum Source: String, Sendable {
        /// The shim itself.
        case shim
        /// The VMM's own words.
        case vmm
        /// The guest kernel's console.
        case kernel
        /// The guest's agent.
        case agent
    }

    private struct State: ~Copyable {
        var file: FileDescriptor?
        var dropped = 0
    }

    private let state: Mutex<State>
    private let subject: String
    private let isVerbose: Bool

    /// Opens the bundle's log; without one, lines go nowhere.
    ///
    /// - Parameters:
    ///   - path: the FIFO. It is opened for reading as well, so that a containerd that is gone takes no line away and
    ///     ends no process; a full one drops lines and counts them.
    ///   - subject: the container's name, in every line.
    ///   - isVerbose: whether `debug` writes.
    public init(path: String?, subject: String, isVerbose: Bool = false) {
        self.subject = subject
        self.isVerbose = isVerbose
        var state = State()
        if let path { state.file = try? FileDescriptor.open(path, [.readWrite, .nonBlocking]) }
        self.state = Mutex(state)
    }

    /// Writes one line; line ends inside it become spaces, and what no terminal should get becomes `?`.
    public func write(_ source: Source, _ text: String) {
        let line = Self.line(source, subject, text)
        state.withLock { state in
            if state.dropped > 0, Self.write(Array("shim \(subject): \(state.dropped) lines lost\n".utf8), &state) {
                state.dropped = 0
            }
            if !Self.write(line, &state) { state.dropped += 1 }
        }
    }

    /// Writes a line of the shim's own.
    public func info(_ text: String) { write(.shim, text) }

    /// Writes a line of the shim's own if the client asked for many.
    public func debug(_ text: String) {
        if isVerbose { write(.shim, text) }
    }

    /// A line as it is written: no longer than PIPE_BUF, so that a pipe takes it whole or not at all.
    package static func line(_ source: Source, _ subject: String, _ text: String) -> [UInt8] {
        Array(PlainLine.of("\(source.rawValue) \(subject): \(text)", byteLimit: 4095).utf8) + [0x0A]
    }

    private static func write(_ line: [UInt8], _ state: inout State) -> Bool {
        switch state.file {
        case .some(let file):
            let number = file.rawValue
            return line.withUnsafeBytes { Glibc.write(number, $0.baseAddress, $0.count) } > 0
        case .none: return true
        }
    }
}
