// SPDX-License-Identifier: Apache-2.0
import Glibc
import Synchronization

/// A thread that ends with a verdict. Tests start it outside the main actor.
final class Worker: Sendable {
    private let state: State
    let thread: pthread_t

    private final class State: Sendable {
        let verdict = Mutex<Bool?>(nil)
        let body: @Sendable () -> Bool
        init(_ body: @escaping @Sendable () -> Bool) { self.body = body }
    }

    init(_ body: @escaping @Sendable () -> Bool) {
        let state = State(body)
        var thread = pthread_t()
        pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                let state = Unmanaged<State>.fromOpaque(argument).takeRetainedValue()
                let verdict = state.body()
                state.verdict.withLock { $0 = verdict }
                return nil
            }, Unmanaged.passRetained(state).toOpaque())
        self.state = state
        self.thread = thread
    }

    /// Waits for the end; call it once.
    func wait() -> Bool {
        pthread_join(thread, nil)
        return state.verdict.withLock { $0 } ?? false
    }
}
