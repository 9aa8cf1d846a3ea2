// SPDX-License-Identifier: Apache-2.0
internal import Synchronization
package import VMMSysUtil

/// Where threads wait, each behind its own filter, until who started them lets them go on or go home.
///
/// A thread inherits the filter of the thread that starts it, so all are started first, and only then the starter puts
/// on its own. None may reach the guest before that.
package final class FilterGate: Sendable {
    private struct State {
        var failure: SandboxError?
        var isOpen: Bool?
    }

    private let state = Mutex(State())
    private let arrivals: EventFD
    private let opening: EventFD

    package init() throws(Errno) {
        let arrivals = try EventFD(isNonBlocking: false)
        let opening = try EventFD(isNonBlocking: false)
        self.arrivals = arrivals
        self.opening = opening
    }

    /// On a thread that was started: confines it, says so, and waits.
    /// - Returns: whether it may go on.
    package func pass(_ confine: () throws(SandboxError) -> Void) -> Bool {
        do throws(SandboxError) { try confine() } catch {
            state.withLock { if $0.failure == nil { $0.failure = error } }
        }
        try? arrivals.write()
        while true {
            if let isOpen = state.withLock({ $0.isOpen }) {
                // The next one's turn: a read takes the whole count.
                try? opening.write()
                return isOpen
            }
            _ = try? opening.read()
        }
    }

    /// Waits until that many threads have arrived.
    /// - Throws: why one of them is not confined.
    package func waitForArrivals(_ count: Int) throws(SandboxError) {
        var missing = UInt64(clamping: count)
        while missing > 0 {
            let arrived: UInt64?
            do throws(Errno) { arrived = try arrivals.read() } catch { throw .gate(error) }
            missing -= min(arrived ?? 0, missing)
        }
        if let failure = state.withLock({ $0.failure }) { throw failure }
    }

    /// Lets all go: those that are there and those that are still to come.
    package func open(_ mayGoOn: Bool) {
        state.withLock { $0.isOpen = mayGoOn }
        try? opening.write()
    }
}
