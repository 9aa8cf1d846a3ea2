// SPDX-License-Identifier: Apache-2.0
import Testing
import VMSuperIO

@Suite struct RTCTests {
    let recorder = Recorder()
    let rtc: RTC

    init() { rtc = RTC(clock: recorder) }

    private func read(_ register: UInt8) -> UInt8 {
        rtc.write(offset: 0, value: register)
        return rtc.read(offset: 1)
    }

    private func write(_ register: UInt8, _ value: UInt8) {
        rtc.write(offset: 0, value: register)
        rtc.write(offset: 1, value: value)
    }

    /// Second, minute, hour, weekday, day, month, year, century.
    private func time() -> [UInt8] { ([0, 2, 4, 6, 7, 8, 9, 0x32] as [UInt8]).map(read) }

    @Test(
        "the time is the host's, in BCD and 24 hours",
        arguments: [
            (0, [0x00, 0x00, 0x00, 0x05, 0x01, 0x01, 0x70, 0x19]),
            (951_827_696, [0x56, 0x34, 0x12, 0x03, 0x29, 0x02, 0x00, 0x20]),  // 2000-02-29 12:34:56, a Tuesday
            (1_735_689_599, [0x59, 0x59, 0x23, 0x03, 0x31, 0x12, 0x24, 0x20]),  // 2024-12-31 23:59:59
            (4_102_444_800, [0x00, 0x00, 0x00, 0x06, 0x01, 0x01, 0x00, 0x21]),  // 2100-01-01
            (-1, [0x59, 0x59, 0x23, 0x04, 0x31, 0x12, 0x69, 0x19]),
        ] as [(Int64, [UInt8])])
    func shows(_ seconds: Int64, _ expected: [UInt8]) {
        recorder.setClock(seconds)
        #expect(time() == expected)
    }

    @Test(
        "a host clock outside the years 0 to 9999 is held at the border",
        arguments: [
            (Int64.max, 0x99), (.min, 0x00),
        ] as [(Int64, UInt8)])
    func extremes(_ seconds: Int64, _ century: UInt8) {
        recorder.setClock(seconds)
        #expect(read(0x32) == century)
    }

    @Test("the status registers never let Linux wait")
    func status() {
        #expect(read(0x0A) == 0x26)
        #expect(read(0x0B) == 0x02)
        #expect(read(0x0C) == 0x00)
        #expect(read(0x0D) == 0x80)
        write(0x0A, 0xFF)
        #expect(read(0x0A) == 0x7F)
        write(0x0C, 0xFF)
        write(0x0D, 0x00)
        #expect(read(0x0C) == 0x00)
        #expect(read(0x0D) == 0x80)
    }

    @Test("a date read across midnight is of one moment")
    func coherent() {
        recorder.setClock(1_735_689_599)
        #expect(read(0x00) == 0x59)
        recorder.setClock(1_735_689_600)
        #expect([0x02, 0x04, 0x07, 0x08, 0x09].map(read) == [0x59, 0x23, 0x31, 0x12, 0x24])
        #expect(read(0x00) == 0x00)
        #expect([0x02, 0x04, 0x07, 0x08, 0x09].map(read) == [0x00, 0x00, 0x01, 0x01, 0x25])
    }

    @Test("a minute read alone is never more than two seconds old")
    func fresh() {
        recorder.setClock(59)
        #expect(read(0x02) == 0x00)
        recorder.setClock(61)
        #expect(read(0x02) == 0x01)
        recorder.setClock(10)  // the host's clock was set back
        #expect(read(0x02) == 0x00)
    }

    @Test("the guest can set the clock, which then goes on from there")
    func sets() {
        recorder.setClock(1_000_000)
        write(0x0B, 0x82)
        for (register, value) in [
            (0x00, 0x56), (0x02, 0x34), (0x04, 0x12), (0x07, 0x29), (0x08, 0x02), (0x09, 0x00), (0x32, 0x20),
        ] as [(UInt8, UInt8)] { write(register, value) }
        recorder.setClock(1_000_100)
        #expect(read(0x00) == 0x56)  // stopped
        write(0x0B, 0x02)
        recorder.setClock(1_000_105)
        #expect(time() == [0x01, 0x35, 0x12, 0x03, 0x29, 0x02, 0x00, 0x20])
    }

    @Test("a register written while the clock runs counts at once")
    func setsOne() {
        recorder.setClock(0)
        write(0x04, 0x23)
        #expect(read(0x04) == 0x23)
        recorder.setClock(3_600)
        #expect(read(0x04) == 0x00)
    }

    @Test(
        "binary and 12-hour modes are kept to",
        arguments: [
            (0, 12), (1, 1), (11, 11), (12, 0x80 | 12), (13, 0x80 | 1), (23, 0x80 | 11),
        ] as [(Int64, UInt8)])
    func modes(_ hour: Int64, _ expected: UInt8) {
        recorder.setClock(hour * 3_600 + 59)
        write(0x0B, 0x04)
        #expect(read(0x04) == expected)
        #expect(read(0x00) == 59)
        write(0x04, expected)
        #expect(read(0x04) == expected)
    }

    @Test("every value in every register is taken without a trap")
    func everything() {
        var random = SplitMix(seed: 7)
        for _ in 0..<50_000 {
            let word = random.next()
            if word & 1 == 0 { recorder.setClock(Int64(bitPattern: random.next())) }
            rtc.write(offset: UInt8(truncatingIfNeeded: word >> 8) & 3, value: UInt8(truncatingIfNeeded: word >> 16))
            _ = rtc.read(offset: UInt8(truncatingIfNeeded: word >> 24) & 3)
        }
    }

    @Test("memory behind the registers keeps what is written; bit 7 of the index is not part of it")
    func memory() {
        write(0x0F, 0x0A)
        write(0x7F, 0x55)
        #expect(read(0x8F) == 0x0A)
        #expect(read(0xFF) == 0x55)
        #expect(rtc.read(offset: 0) == 0xFF)
        #expect(rtc.read(offset: 2) == 0xFF)
    }

    @Test("a saved clock goes on with the guest's setting and today's time")
    func restores() throws {
        recorder.setClock(0)
        write(0x04, 0x05)
        write(0x40, 0x99)
        let state = rtc.save()
        recorder.setClock(60)
        let restored = try RTC(restoring: state, clock: recorder)
        restored.write(offset: 0, value: 0x04)
        #expect(restored.read(offset: 1) == 0x05)
        restored.write(offset: 0, value: 0x02)
        #expect(restored.read(offset: 1) == 0x01)
        restored.write(offset: 0, value: 0x40)
        #expect(restored.read(offset: 1) == 0x99)
    }

    @Test("a saved memory of another size is refused, an offset of any size is not", arguments: [0, 127, 129])
    func wrongSize(_ count: Int) throws {
        var state = rtc.save()
        state.offsetSeconds = .max
        recorder.setClock(.max)
        let restored = try RTC(restoring: state, clock: recorder)
        _ = restored.read(offset: 1)
        state.memory = [UInt8](repeating: 0, count: count)
        #expect(throws: RTCState.Invalid.wrongMemorySize(byteCount: count)) {
            try RTC(restoring: state, clock: recorder)
        }
    }
}
