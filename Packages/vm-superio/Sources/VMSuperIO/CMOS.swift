// SPDX-License-Identifier: Apache-2.0

/// The 128 bytes behind ports 0x70 and 0x71 as a value: an MC146818 clock and battery-backed memory.
struct CMOS: Sendable {
    private enum Register {
        static let seconds: UInt8 = 0x00
        static let minutes: UInt8 = 0x02
        static let hours: UInt8 = 0x04
        static let weekday: UInt8 = 0x06
        static let day: UInt8 = 0x07
        static let month: UInt8 = 0x08
        static let year: UInt8 = 0x09
        static let statusA: UInt8 = 0x0A
        static let statusB: UInt8 = 0x0B
        static let statusC: UInt8 = 0x0C
        static let statusD: UInt8 = 0x0D
        /// Where the FADT of most machines says it is.
        static let century: UInt8 = 0x32
    }

    private enum StatusA {
        /// Set by the chip for 244 µs before each second. Always clear here: a set of values is read from one moment.
        static let updateInProgress: UInt8 = 0x80
        /// 32,768 Hz crystal, periodic rate 1,024 Hz.
        static let initial: UInt8 = 0x26
    }

    private enum StatusB {
        static let set: UInt8 = 0x80
        static let binary: UInt8 = 0x04
        static let hours24: UInt8 = 0x02
    }

    /// Memory and RAM is valid, which is to say the battery is good; Linux refuses the clock's time without it.
    private static let batteryGood: UInt8 = 0x80

    static let byteCount = 128
    /// A moment serves the reads that follow it for this long, so that a date is not read half before midnight.
    private static let momentSeconds: Int64 = 2

    private var index: UInt8 = 0
    private var memory = [UInt8](repeating: 0, count: CMOS.byteCount)
    /// Guest time less the host's.
    private var offset: Int64 = 0
    private var moment: Int64 = .min

    init() {
        self[Register.statusA] = StatusA.initial
        self[Register.statusB] = StatusB.hours24
    }

    mutating func read(_ port: UInt8, now: Int64) -> UInt8 {
        switch port {
        case 0: return 0xFF  // the index is write-only
        case 1: return readData(now: now)
        default: return 0xFF
        }
    }

    mutating func write(_ port: UInt8, _ value: UInt8, now: Int64) {
        switch port {
        case 0: index = value & 0x7F  // bit 7 masks NMIs, of which there are none
        case 1: writeData(value, now: now)
        default: break
        }
    }

    private mutating func readData(now: Int64) -> UInt8 {
        switch index {
        case Register.seconds, Register.statusA:
            if !isSetting { load(now) }
            return self[index]
        case Register.minutes, Register.hours, Register.weekday, Register.day, Register.month, Register.year,
            Register.century:
            let age = now.subtractingReportingOverflow(moment)
            if !isSetting, age.overflow || !(0..<Self.momentSeconds).contains(age.partialValue) { load(now) }
            return self[index]
        case Register.statusC:
            return 0  // no interrupt is ever flagged
        case Register.statusD:
            return Self.batteryGood
        default:
            return self[index]
        }
    }

    private mutating func writeData(_ value: UInt8, now: Int64) {
        switch index {
        case Register.seconds, Register.minutes, Register.hours, Register.weekday, Register.day, Register.month,
            Register.year, Register.century:
            if !isSetting { load(now) }
            self[index] = value
            if !isSetting { adopt(now) }
        case Register.statusA:
            self[index] = value & ~StatusA.updateInProgress
        case Register.statusB:
            let wasSetting = isSetting
            // Setting stops the clock: its registers stay as they are until it ends, and then count on from there.
            if !wasSetting { load(now) }
            self[index] = value
            if wasSetting, !isSetting { adopt(now) }
            moment = .min  // the way of writing numbers may have changed
        case Register.statusC, Register.statusD:
            break
        default:
            self[index] = value
        }
    }

    private var isSetting: Bool { self[Register.statusB] & StatusB.set != 0 }

    /// Fills the time registers.
    private mutating func load(_ now: Int64) {
        moment = now
        let time = CalendarTime(secondsSinceEpoch: now.addingReportingOverflow(offset).partialValue)
        self[Register.seconds] = encode(time.second)
        self[Register.minutes] = encode(time.minute)
        self[Register.hours] = encodeHour(time.hour)
        self[Register.weekday] = encode(time.weekday)
        self[Register.day] = encode(time.day)
        self[Register.month] = encode(time.month)
        self[Register.year] = encode(time.year % 100)
        self[Register.century] = encode(time.year / 100)
    }

    /// Sets the clock by the time registers.
    private mutating func adopt(_ now: Int64) {
        var time = CalendarTime(secondsSinceEpoch: 0)
        time.second = decode(self[Register.seconds])
        time.minute = decode(self[Register.minutes])
        time.hour = decodeHour(self[Register.hours])
        time.day = decode(self[Register.day])
        time.month = min(max(decode(self[Register.month]), 1), 12)
        time.year = decode(self[Register.century]) * 100 + decode(self[Register.year])
        offset = time.secondsSinceEpoch.subtractingReportingOverflow(now).partialValue
        moment = .min
    }

    private var isBinary: Bool { self[Register.statusB] & StatusB.binary != 0 }

    private func encode(_ value: Int64) -> UInt8 {
        let value = UInt8(clamping: value)
        return isBinary ? value : (value / 10 % 10) << 4 | value % 10
    }

    private func decode(_ byte: UInt8) -> Int64 {
        isBinary ? Int64(byte) : Int64(byte >> 4) * 10 + Int64(byte & 0xF)
    }

    private func encodeHour(_ hour: Int64) -> UInt8 {
        if self[Register.statusB] & StatusB.hours24 != 0 { return encode(hour) }
        return encode((hour + 11) % 12 + 1) | (hour >= 12 ? 0x80 : 0)
    }

    private func decodeHour(_ byte: UInt8) -> Int64 {
        if self[Register.statusB] & StatusB.hours24 != 0 { return decode(byte) }
        return decode(byte & 0x7F) % 12 + (byte & 0x80 != 0 ? 12 : 0)
    }

    /// The memory is 128 bytes for good, and so is what seven bits reach.
    private subscript(register: UInt8) -> UInt8 {
        get { memory[Int(register & 0x7F)] }
        set { memory[Int(register & 0x7F)] = newValue }
    }
}

extension CMOS {
    init(restoring state: RTCState) throws(RTCState.Invalid) {
        guard state.memory.count == Self.byteCount else {
            throw .wrongMemorySize(byteCount: state.memory.count)
        }
        memory = state.memory
        index = state.index & 0x7F
        offset = state.offsetSeconds
        self[Register.statusA] &= ~StatusA.updateInProgress
    }

    var state: RTCState { RTCState(index: index, memory: memory, offsetSeconds: offset) }
}
