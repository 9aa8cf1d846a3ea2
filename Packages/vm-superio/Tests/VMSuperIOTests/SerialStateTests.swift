// SPDX-License-Identifier: Apache-2.0
import Testing
import VMSuperIO

@Suite struct SerialStateTests {
    let recorder = Recorder()

    @Test("a port goes on after restoring where it was saved")
    func roundTrip() throws {
        let serial = Serial(interrupt: recorder, host: recorder)
        serial.write(offset: 2, value: 0xC1)
        serial.write(offset: 7, value: 0x5A)
        serial.write(offset: 3, value: 0x1B)
        _ = serial.receive([1, 2, 3])
        _ = serial.read(offset: 0)
        let state = serial.save()
        let restored = try Serial(restoring: state, interrupt: recorder, host: recorder)
        #expect(restored.save() == state)
        #expect(restored.read(offset: 0) == 2)
        #expect(restored.read(offset: 7) == 0x5A)
        #expect(restored.read(offset: 2) == 0xC1)
    }

    @Test("an interrupt that waited is raised again, one that did not is not")
    func raises() throws {
        let serial = Serial(interrupt: recorder, host: recorder)
        let quiet = serial.save()
        serial.write(offset: 1, value: 0x02)
        let waiting = serial.save()
        _ = recorder.takeEdges()
        _ = try Serial(restoring: quiet, interrupt: recorder, host: recorder)
        #expect(recorder.takeEdges() == 0)
        let restored = try Serial(restoring: waiting, interrupt: recorder, host: recorder)
        #expect(recorder.takeEdges() == 1)
        #expect(restored.read(offset: 2) == 0x02)
    }

    @Test("a FIFO of more than 64 bytes is refused")
    func oversized() throws {
        var state = Serial(interrupt: recorder, host: recorder).save()
        state.received = [UInt8](repeating: 0, count: 64)
        _ = try Serial(restoring: state, interrupt: recorder, host: recorder)
        state.received.append(0)
        #expect(throws: SerialState.Invalid.oversizedFIFO(byteCount: 65)) {
            try Serial(restoring: state, interrupt: recorder, host: recorder)
        }
        #expect(
            "\(SerialState.Invalid.oversizedFIFO(byteCount: 65))"
                == "serial: saved receive fifo holds 65 bytes, 64 fit")
    }

    @Test("bits that no guest can set are dropped, and data ready follows from the FIFO")
    func contradictions() throws {
        var state = Serial(interrupt: recorder, host: recorder).save()
        state.interruptEnable = 0xFF
        state.modemControl = 0xFF
        state.fifoControl = 0xFF
        state.lineStatus = 0x01
        let serial = try Serial(restoring: state, interrupt: recorder, host: recorder)
        #expect(serial.read(offset: 1) == 0x0F)
        #expect(serial.read(offset: 4) == 0x1F)
        #expect(serial.read(offset: 5) == 0x60)
        #expect(serial.save().fifoControl == 0xF9)
    }
}
