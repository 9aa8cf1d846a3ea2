// SPDX-License-Identifier: Apache-2.0
internal import Synchronization
internal import VMMSysUtil

/// Where any thread says that the machine is to end, and why. The first cause stays.
final class StopSignal: Sendable {
    private let state = Mutex<StopCause?>(nil)
    /// Readable once the machine is to end.
    let event: EventFD

    init() throws(MachineError) {
        do { event = try EventFD() } catch { throw .host("eventfd", error) }
    }

    /// The cause, if there is one yet.
    var cause: StopCause? { state.withLock { $0 } }

    /// Ends the machine; only the first call has an effect.
    func stop(_ cause: StopCause) {
        let isFirst = state.withLock { current in
            guard current == nil else { return false }
            current = cause
            return true
        }
        if isFirst { try? event.write() }
    }
}
