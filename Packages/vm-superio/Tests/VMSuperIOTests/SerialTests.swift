// SPDX-License-Identifier: Apache-2.0
import Testing
import VMSuperIO

@Suite struct SerialTests {
    let recorder = Recorder()
    let serial: Serial

    init() { serial = Serial(interrupt: recorder, host: recorder) }

    @Test("a byte written to THR goes out and the transmitter is empty again")
    func transmits() {
        serial.write(offset: 0, value: 0x41)
        #expect(recorder.sent == [0x41])
        #expect(serial.read(offset: 5) == 0x60)
    }
}
