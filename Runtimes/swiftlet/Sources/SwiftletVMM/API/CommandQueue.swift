// SPDX-License-Identifier: Apache-2.0
internal import Synchronization
internal import VMMSysUtil

/// How the API's thread has the machine's thread do something: one command at a time, answered.
final class CommandQueue: Sendable {
    private enum State {
        case empty
        case asked(Command)
        case answered(Answer)
        case closed
    }

    private let state = Mutex(State.empty)
    /// Readable while there is a command.
    let event: EventFD
    private let reply: EventFD

    init() throws(Errno) {
        event = try EventFD()
        reply = try EventFD(isNonBlocking: false)
    }

    /// Has a command done, and waits for that. For one thread.
    /// - Returns: nil if the machine has ended.
    func perform(_ command: Command) -> Answer? {
        let isTaken = state.withLock { state in
            if case .closed = state { return false }
            state = .asked(command)
            return true
        }
        guard isTaken else { return nil }
        try? event.write()
        while true {
            let outcome: Answer?? = state.withLock { state in
                switch state {
                case .answered(let answer):
                    state = .empty
                    return .some(answer)
                case .closed: return .some(nil)
                case .empty, .asked: return nil
                }
            }
            if let outcome { return outcome }
            // Every answer and the end are announced.
            _ = try? reply.read()
        }
    }

    /// Answers the command that is there, if any.
    func serve(_ answer: (Command) -> Answer) {
        _ = try? event.read()
        guard case .asked(let command) = state.withLock({ $0 }) else { return }
        let result = answer(command)
        state.withLock { if case .asked = $0 { $0 = .answered(result) } }
        try? reply.write()
    }

    /// Nobody serves any more.
    func close() {
        state.withLock { $0 = .closed }
        try? reply.write()
    }
}
