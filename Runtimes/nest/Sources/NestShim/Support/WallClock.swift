// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// The time of day.
enum WallClock {
    /// Seconds and nanoseconds since 1970.
    static func now() -> (seconds: Int64, nanoseconds: Int32) {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return (Int64(now.tv_sec), Int32(now.tv_nsec))
    }
}
