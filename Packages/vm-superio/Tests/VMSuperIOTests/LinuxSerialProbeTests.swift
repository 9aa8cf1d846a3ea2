// SPDX-License-Identifier: Apache-2.0
import Testing
import VMSuperIO

/// The accesses that the 8250 driver of Linux 6.1 makes to tell what it has before it.
@Suite struct LinuxSerialProbeTests {
    let recorder = Recorder()
    let serial: Serial

    init() { serial = Serial(interrupt: recorder, host: recorder) }

    private func read(_ offset: UInt8) -> UInt8 { serial.read(offset: offset) }
    private func write(_ offset: UInt8, _ value: UInt8) { serial.write(offset: offset, value: value) }

    @Test("there is a UART: IER keeps four bits and drops the others")
    func exists() {
        write(1, 0)
        #expect(read(1) & 0x0F == 0)
        write(1, 0x0F)
        #expect(read(1) & 0x0F == 0x0F)
        write(1, 0xFF)
        #expect(read(1) == 0x0F)  // bit 6 would make it an XScale
    }

    @Test("the loopback test finds DCD and CTS")
    func loopback() {
        write(4, 0x10 | 0x08 | 0x02)
        #expect(read(6) & 0xF0 == 0x80 | 0x10)
    }

    @Test("it is a 16550A and none of its successors")
    func type() {
        write(3, 0xBF)
        write(2, 0)
        write(3, 0)
        write(2, 0x01)
        #expect(read(2) & 0xC0 == 0xC0)
        write(3, 0x80)
        #expect(read(2) != 0)  // no 16650
        write(3, 0xBF)
        #expect(read(2) != 0)  // no 16850
        write(3, 0)
        let control = read(4)
        write(3, 0xE0)
        let first = (read(2) ^ control) & 0x10
        write(3, 0)
        write(4, control ^ 0x10)
        write(3, 0xE0)
        let second = (read(2) ^ control) & 0x10
        write(3, 0)
        write(4, control)
        #expect(first != 0 || second == 0)  // no NS16550A with its extra register
        write(2, 0x21)
        #expect(read(2) >> 5 == 6)
        write(2, 0x01)
        write(3, 0x80)
        write(2, 0x21)
        #expect(read(2) >> 5 == 6)  // no 16750
    }

    @Test("the start-up tests find no transmitter bug")
    func transmitter() {
        write(1, 0x02)
        let before = read(2)
        write(1, 0)
        write(1, 0x02)
        let after = read(2)
        write(1, 0)
        #expect(before & 1 == 0 && after & 1 == 0)
        write(1, 0x02)
        let status = read(5)
        let cause = read(2)
        write(1, 0)
        #expect(!(status & 0x40 != 0 && cause & 1 != 0))
        #expect(read(5) != 0xFF)
    }

    @Test("the console's polling loop always finds the transmitter empty")
    func polling() {
        for value in UInt8.min...UInt8.max {
            #expect(read(5) & 0x60 == 0x60)
            write(0, value)
        }
        #expect(recorder.sent == Array(UInt8.min...UInt8.max))
    }

    @Test("the interrupt handler's loop comes to an end")
    func handler() {
        write(2, 0x01)
        write(1, 0x0F)
        _ = serial.receive([UInt8](repeating: 1, count: 200))
        write(0, 0x41)
        write(4, 0x1B)
        var passes = 0
        while read(2) & 1 == 0, passes < 256 {
            passes += 1
            if read(5) & 1 != 0 { _ = read(0) }
            _ = read(6)
        }
        #expect(passes < 256)
    }
}
