// SPDX-License-Identifier: Apache-2.0
internal import Synchronization

/// The real-time clock and CMOS memory at ports 0x70 and 0x71.
///
/// Without one Linux waits three seconds at boot for a clock to settle that is not there. It runs with the host's
/// clock in UTC, plus what the guest set it to. Every method may be called from any thread; it has a lock of its own.
public final class RTC: Sendable {
    private let cmos: Mutex<CMOS>
    private let clock: any WallClock

    /// Makes a clock with the host's time and zeroed memory.
    public init(clock: any WallClock = HostClock()) {
        cmos = Mutex(CMOS())
        self.clock = clock
    }

    /// Makes a clock as it was saved: it shows the time of now, not of the saving.
    public init(restoring state: RTCState, clock: any WallClock = HostClock()) throws(RTCState.Invalid) {
        cmos = Mutex(try CMOS(restoring: state))
        self.clock = clock
    }

    /// Answers a one-byte read by the guest.
    /// - Parameter offset: from port 0x70: 1 is the data port; 0xFF is read elsewhere.
    public func read(offset: UInt8) -> UInt8 {
        let now = clock.secondsSinceEpoch()
        return cmos.withLock { $0.read(offset, now: now) }
    }

    /// Does a one-byte write of the guest.
    /// - Parameters:
    ///   - offset: from port 0x70: 0 is the index port, 1 the data port; ignored elsewhere.
    ///   - value: the byte.
    public func write(offset: UInt8, value: UInt8) {
        let now = clock.secondsSinceEpoch()
        cmos.withLock { $0.write(offset, value, now: now) }
    }

    /// The clock to be saved.
    public func save() -> RTCState { cmos.withLock { $0.state } }
}

/// A real-time clock as it is saved.
public struct RTCState: Codable, Equatable, Sendable {
    /// Why a saved state is refused.
    public enum Invalid: Error, Equatable, CustomStringConvertible {
        /// The memory has another size than the chip's.
        case wrongMemorySize(byteCount: Int)

        /// One line for a log.
        public var description: String {
            switch self {
            case .wrongMemorySize(let count): "rtc: saved memory has \(count) bytes instead of \(CMOS.byteCount)"
            }
        }
    }

    /// The register that the data port stands for.
    public var index: UInt8
    /// All registers and the memory behind them, 128 bytes.
    public var memory: [UInt8]
    /// The guest's time less the host's, in seconds.
    public var offsetSeconds: Int64
}
