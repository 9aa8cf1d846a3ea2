// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// Where the RTC gets the time from.
public protocol WallClock: Sendable {
    /// Seconds since 1970-01-01 00:00 UTC.
    func secondsSinceEpoch() -> Int64
}

/// The host's clock.
public struct HostClock: WallClock {
    /// Makes a clock that reads the host's.
    public init() {}
    /// The host's time.
    public func secondsSinceEpoch() -> Int64 { Int64(time(nil)) }
}

/// A date and a time of day in the Gregorian calendar.
struct CalendarTime: Equatable, Sendable {
    var year: Int64
    /// 1 to 12.
    var month: Int64
    /// 1 to 31.
    var day: Int64
    /// 1 is Sunday.
    var weekday: Int64
    var hour: Int64
    var minute: Int64
    var second: Int64

    /// Years 0 to 9999, which is what the registers can show; what is outside is held at the border.
    init(secondsSinceEpoch seconds: Int64) {
        let clamped = min(max(seconds, -62_167_219_200), 253_402_300_799)
        let days = (clamped - Self.modulo(clamped, 86_400)) / 86_400
        let secondOfDay = Self.modulo(clamped, 86_400)
        // Eras of 400 years that begin on March 1st, so that the leap day is the last of a year.
        let shifted = days + 719_468
        let era = (shifted - Self.modulo(shifted, 146_097)) / 146_097
        let dayOfEra = Self.modulo(shifted, 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        weekday = Self.modulo(days + 4, 7) + 1  // 1970-01-01 was a Thursday
        hour = secondOfDay / 3_600
        minute = secondOfDay / 60 % 60
        second = secondOfDay % 60
    }

    /// The seconds since 1970, for fields of any size up to a byte's: days past a month's end run into the next one.
    var secondsSinceEpoch: Int64 {
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = (shiftedYear - Self.modulo(shiftedYear, 400)) / 400
        let yearOfEra = Self.modulo(shiftedYear, 400)
        let shiftedMonth = month > 2 ? month - 3 : month + 9
        let dayOfYear = (153 * shiftedMonth + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        let days = era * 146_097 + dayOfEra - 719_468
        return days * 86_400 + hour * 3_600 + minute * 60 + second
    }

    private static func modulo(_ value: Int64, _ divisor: Int64) -> Int64 {
        let rest = value % divisor
        return rest < 0 ? rest + divisor : rest
    }
}
