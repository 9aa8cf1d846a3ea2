// SPDX-License-Identifier: Apache-2.0
import Testing
import VMSuperIO

@Suite struct SerialTests {
    let recorder = Recorder()
    let serial: Serial

    init() { serial = Serial(interrupt: recorder, host: recorder) }

    private func enableFIFO() { serial.write(offset: 2, value: 0x01) }

    @Test("a byte written to THR goes out and the transmitter is empty again")
    func transmits() {
        serial.write(offset: 0, value: 0x41)
        #expect(recorder.sent == [0x41])
        #expect(serial.read(offset: 5) == 0x60)
        #expect(recorder.edges == 0)
    }

    @Test("with the transmitter interrupt enabled each write is followed by an edge that IIR shows once")
    func transmitterInterrupt() {
        serial.write(offset: 1, value: 0x02)
        #expect(recorder.takeEdges() == 1)
        #expect(serial.read(offset: 2) == 0x02)
        #expect(serial.read(offset: 2) == 0x01)
        serial.write(offset: 0, value: 0x41)
        #expect(recorder.takeEdges() == 1)
        #expect(serial.read(offset: 2) == 0x02)
        #expect(serial.read(offset: 2) == 0x01)
    }

    @Test("enabling the transmitter interrupt anew shows it anew, as Linux tests at start-up")
    func transmitterInterruptAgain() {
        for _ in 0..<2 {
            serial.write(offset: 1, value: 0x02)
            #expect(serial.read(offset: 2) == 0x02)
            serial.write(offset: 1, value: 0x00)
            #expect(serial.read(offset: 2) == 0x01)
        }
        #expect(recorder.takeEdges() == 2)
    }

    @Test("received bytes are read in order, and data ready goes with the last")
    func receives() {
        enableFIFO()
        #expect(serial.receive([1, 2, 3]) == 3)
        for expected in UInt8(1)...3 {
            #expect(serial.read(offset: 5) == 0x61)
            #expect(serial.read(offset: 0) == expected)
        }
        #expect(serial.read(offset: 5) == 0x60)
        #expect(serial.read(offset: 0) == 0)
        #expect(recorder.edges == 0)
    }

    @Test("with the receive interrupt enabled input is an edge, and IIR shows it until the last byte is read")
    func receiveInterrupt() {
        enableFIFO()
        serial.write(offset: 1, value: 0x01)
        #expect(recorder.takeEdges() == 0)
        _ = serial.receive([1, 2])
        #expect(recorder.takeEdges() == 1)
        #expect(serial.read(offset: 2) == 0xC4)
        _ = serial.read(offset: 0)
        #expect(serial.read(offset: 2) == 0xC4)
        _ = serial.read(offset: 0)
        #expect(serial.read(offset: 2) == 0xC1)
    }

    @Test("enabling the receive interrupt with data waiting is an edge")
    func lateEnable() {
        _ = serial.receive([1])
        #expect(recorder.takeEdges() == 0)
        serial.write(offset: 1, value: 0x01)
        #expect(recorder.takeEdges() == 1)
    }

    @Test("received data is more urgent than an empty transmitter, which stays for the next look")
    func priorities() {
        serial.write(offset: 1, value: 0x0F)
        _ = serial.receive([1])
        #expect(serial.read(offset: 2) == 0x04)
        _ = serial.read(offset: 0)
        #expect(serial.read(offset: 2) == 0x02)
        #expect(serial.read(offset: 2) == 0x01)
    }

    @Test("the FIFO takes 64 bytes, without FIFO one, and the rest is left to the host")
    func backPressure() {
        let input = [UInt8](repeating: 7, count: 100)
        #expect(serial.receive(input) == 1)
        #expect(serial.receive(input) == 0)
        enableFIFO()
        #expect(serial.receive(input) == 63)  // the one that waited is its first
        #expect(serial.receive(input) == 0)
        #expect(serial.receive([]) == 0)
        #expect(recorder.rooms == 1)  // the FIFO has more room than there was without it
        for _ in 0..<63 { _ = serial.read(offset: 0) }
        #expect(recorder.rooms == 1)
        _ = serial.read(offset: 0)
        #expect(recorder.rooms == 2)
        #expect(serial.receive([1]) == 1)
        _ = serial.read(offset: 0)
        #expect(recorder.rooms == 2)  // nothing had been refused
    }

    @Test("flooded without a reader it keeps 64 bytes, whatever comes")
    func flood() {
        enableFIFO()
        var taken = 0
        for _ in 0..<10_000 { taken += serial.receive([UInt8](repeating: 1, count: 1_000)) }
        #expect(taken == 64)
        #expect(serial.save().received.count == 64)
    }

    @Test("input may wait in the host until the guest enables the receive interrupt and lets it through")
    func holdsInput() {
        let serial = Serial(interrupt: recorder, host: recorder, inputPolicy: .whenInterruptEnabled)
        #expect(serial.receive([1]) == 0)
        serial.write(offset: 2, value: 0x01)
        #expect(serial.receive([1]) == 0)
        let rooms = recorder.rooms
        // As Linux does when it looks whether there is a port: what came now would be lost when its driver starts.
        serial.write(offset: 1, value: 0x0F)
        #expect(serial.receive([1]) == 0)
        serial.write(offset: 1, value: 0)
        serial.write(offset: 4, value: 0x1A)
        serial.write(offset: 1, value: 0x01)
        #expect(serial.receive([1]) == 0)
        serial.write(offset: 4, value: 0x0B)
        #expect(recorder.rooms > rooms)
        #expect(serial.receive([1]) == 1)
        #expect(serial.read(offset: 0) == 1)
    }

    @Test("a byte that waits when the FIFO is switched on stays; switching it off clears it")
    func fifoSwitch() {
        #expect(serial.receive([7]) == 1)
        serial.write(offset: 2, value: 0x01)
        #expect(serial.read(offset: 0) == 7)
        _ = serial.receive([8, 9])
        serial.write(offset: 2, value: 0x00)
        #expect(serial.read(offset: 5) == 0x60)
    }

    @Test("resetting the receive FIFO drops what is in it; the reset bit is not kept")
    func fifoReset() {
        enableFIFO()
        _ = serial.receive([1, 2])
        serial.write(offset: 2, value: 0x03)
        #expect(serial.read(offset: 5) == 0x60)
        #expect(serial.receive([3]) == 1)
        #expect(serial.read(offset: 0) == 3)
        #expect(serial.save().fifoControl == 0x01)
    }

    @Test("the divisor hides behind DLAB and leaves the registers under it alone")
    func divisorLatch() {
        serial.write(offset: 1, value: 0x05)
        serial.write(offset: 3, value: 0x83)
        #expect(serial.read(offset: 0) == 12)
        #expect(serial.read(offset: 1) == 0)
        serial.write(offset: 0, value: 0x34)
        serial.write(offset: 1, value: 0x12)
        #expect(serial.save().divisor == 0x1234)
        #expect(serial.read(offset: 0) == 0x34)
        #expect(serial.read(offset: 1) == 0x12)
        serial.write(offset: 3, value: 0x03)
        #expect(serial.read(offset: 1) == 0x05)
        #expect(recorder.sent == [])
    }

    @Test("in loopback a byte comes back and does not go out, and host input waits")
    func loopback() {
        enableFIFO()
        serial.write(offset: 4, value: 0x10)
        serial.write(offset: 0, value: 0x55)
        #expect(recorder.sent == [])
        #expect(serial.receive([1]) == 0)
        #expect(serial.read(offset: 5) == 0x61)
        #expect(serial.read(offset: 0) == 0x55)
        serial.write(offset: 4, value: 0x00)
        #expect(recorder.rooms == 1)
        #expect(serial.receive([1]) == 1)
    }

    @Test("a byte looped back into a full FIFO is an overrun, shown once, with its interrupt")
    func overrun() {
        enableFIFO()
        serial.write(offset: 4, value: 0x10)
        serial.write(offset: 1, value: 0x04)
        for value in UInt8(0)..<64 { serial.write(offset: 0, value: value) }
        #expect(recorder.takeEdges() == 0)
        serial.write(offset: 0, value: 0xFF)
        #expect(recorder.takeEdges() == 1)
        #expect(serial.read(offset: 2) == 0xC6)
        #expect(serial.read(offset: 5) == 0x63)
        #expect(serial.read(offset: 5) == 0x61)
        #expect(serial.read(offset: 2) == 0xC1)
        #expect(serial.read(offset: 0) == 0)
    }

    @Test(
        "in loopback the modem outputs come back as inputs",
        arguments: [
            (0x10, 0x00), (0x11, 0x20), (0x12, 0x10), (0x14, 0x40), (0x18, 0x80), (0x1F, 0xF0), (0x1A, 0x90),
        ] as [(UInt8, UInt8)])
    func loopedLines(_ control: UInt8, _ expected: UInt8) {
        serial.write(offset: 4, value: control)
        #expect(serial.read(offset: 6) & 0xF0 == expected)
    }

    @Test("a changed modem line is shown once, with its interrupt")
    func modemInterrupt() {
        serial.write(offset: 1, value: 0x08)
        #expect(recorder.takeEdges() == 0)
        serial.write(offset: 4, value: 0x18)  // only DCD stays: CTS and DSR fall
        #expect(recorder.takeEdges() == 1)
        #expect(serial.read(offset: 2) == 0x00)
        #expect(serial.read(offset: 6) == 0x83)
        #expect(serial.read(offset: 6) == 0x80)
        #expect(serial.read(offset: 2) == 0x01)
        serial.write(offset: 4, value: 0x1C)  // RI rises: no change to show
        #expect(serial.read(offset: 6) == 0xC0)
        serial.write(offset: 4, value: 0x18)  // and falls
        #expect(serial.read(offset: 6) == 0x84)
    }

    @Test("any offset can be read and written without effect on the outside")
    func everything() {
        for offset in UInt8.min...UInt8.max {
            for value in [0x00, 0x55, 0xAA, 0xFF] as [UInt8] {
                serial.write(offset: offset, value: value)
                let read = serial.read(offset: offset)
                if offset > 7 { #expect(read == 0xFF) }
            }
        }
    }

    @Test("writes to the status registers change nothing; scratch keeps its value")
    func readOnly() {
        serial.write(offset: 5, value: 0)
        serial.write(offset: 6, value: 0)
        serial.write(offset: 7, value: 0xA5)
        #expect(serial.read(offset: 5) == 0x60)
        #expect(serial.read(offset: 6) == 0xB0)
        #expect(serial.read(offset: 7) == 0xA5)
    }
}
