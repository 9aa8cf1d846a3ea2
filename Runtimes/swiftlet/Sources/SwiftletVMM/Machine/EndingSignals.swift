// SPDX-License-Identifier: Apache-2.0
internal import EventManager
internal import VMMSysUtil

/// The signals that end a machine in order.
enum EndingSignals {
    static let set: SignalSet = [.hangUp, .interrupt, .terminate, .quit]

    /// Takes them over: blocked here, and in every thread that is started from now on.
    static func open() throws(Errno) -> SignalFD {
        try set.block()
        // A write to a pipe without a reader fails, and ends nothing but what the failure says.
        try SignalSet([.brokenPipe]).block()
        return try SignalFD(set)
    }
}
