// SPDX-License-Identifier: Apache-2.0
import Synchronization
import VMSuperIO

/// Counts edges and remembers what was sent.
final class Recorder: InterruptLine, SerialHost, ResetLine, WallClock {
    private let counts = Mutex((edges: 0, rooms: 0, resets: 0, sent: [UInt8](), seconds: Int64(0)))

    var edges: Int { counts.withLock { $0.edges } }
    var rooms: Int { counts.withLock { $0.rooms } }
    var resets: Int { counts.withLock { $0.resets } }
    var sent: [UInt8] { counts.withLock { $0.sent } }

    func raise() { counts.withLock { $0.edges += 1 } }
    func transmit(_ byte: UInt8) { counts.withLock { $0.sent.append(byte) } }
    func receiverHasRoom() { counts.withLock { $0.rooms += 1 } }
    func requestReset() { counts.withLock { $0.resets += 1 } }
    func secondsSinceEpoch() -> Int64 { counts.withLock { $0.seconds } }
    func setClock(_ seconds: Int64) { counts.withLock { $0.seconds = seconds } }

    /// The edges since the last call.
    func takeEdges() -> Int {
        counts.withLock { counts in
            defer { counts.edges = 0 }
            return counts.edges
        }
    }
}

extension Serial {
    func receive(_ bytes: [UInt8]) -> Int { bytes.withUnsafeBytes { receive($0) } }
}

/// Random numbers that are the same in every run.
struct SplitMix {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
        return word ^ word >> 31
    }
}
