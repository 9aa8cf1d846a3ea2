// SPDX-License-Identifier: Apache-2.0
import Testing
import VMSuperIO

@Suite struct I8042Tests {
    let recorder = Recorder()
    let controller: I8042

    init() { controller = I8042(interrupt: recorder, reset: recorder) }

    private var status: UInt8 { controller.read(offset: 4) }
    private func command(_ value: UInt8) { controller.write(offset: 4, value: value) }
    private func send(_ value: UInt8) { controller.write(offset: 0, value: value) }

    /// Reads the data port as long as the status says there is something, as a driver does.
    private func drain() -> [UInt8] {
        var bytes: [UInt8] = []
        while status & 1 != 0, bytes.count < 100 { bytes.append(controller.read(offset: 0)) }
        return bytes
    }

    @Test("0xFE resets, once for each time")
    func resets() {
        command(0xFE)
        #expect(recorder.resets == 1)
        command(0xFE)
        #expect(recorder.resets == 2)
        command(0xFF)
        send(0xFE)
        #expect(recorder.resets == 2)
    }

    @Test(
        "commands are answered at once, so no driver waits",
        arguments: [
            (0x20, [0x05]), (0xD0, [0x00]), (0xAA, [0x55]), (0xAB, [0x00]), (0xA9, [0x01]), (0xC0, [0x80]),
            (0x21, [0x00]),
        ] as [(UInt8, [UInt8])])
    func answers(_ value: UInt8, _ expected: [UInt8]) {
        #expect(status == 0x10)
        command(value)
        #expect(status == 0x11)
        #expect(drain() == expected)
        #expect(status == 0x10)
        #expect(recorder.edges == 0)
    }

    @Test("the control byte and the output port read back what was written")
    func writeBack() {
        command(0x60)
        #expect(status == 0x18)
        send(0x74)
        #expect(status == 0x10)
        command(0x20)
        #expect(drain() == [0x74])
        command(0xD1)
        send(0xDF)
        command(0xD0)
        #expect(drain() == [0xDF])
        #expect(recorder.resets == 0)
    }

    @Test("disabling and enabling the ports shows in the control byte")
    func ports() {
        for (value, expected) in [(0xAD, 0x15), (0xA7, 0x35), (0xAE, 0x25), (0xA8, 0x05)] as [(UInt8, UInt8)] {
            command(value)
            command(0x20)
            #expect(drain() == [expected])
        }
    }

    @Test("the mouse loop test answers, but not as a mouse port would")
    func noMouse() {
        command(0xD3)
        send(0x5A)
        #expect(status & 0x21 == 0x01)
    }

    @Test("the keyboard acknowledges every byte", arguments: UInt8.min...UInt8.max)
    func keyboard(_ value: UInt8) {
        send(value)
        let answer = drain()
        switch value {
        case 0xEE: #expect(answer == [0xEE])
        case 0xF2: #expect(answer == [0xFA, 0xAB, 0x83])
        case 0xFF: #expect(answer == [0xFA, 0xAA])
        default: #expect(answer == [0xFA])
        }
        #expect(recorder.edges >= 1)
    }

    @Test("the parameter of a keyboard command is acknowledged too, and is no command")
    func keyboardParameter() {
        send(0xED)
        #expect(drain() == [0xFA])
        send(0xFF)
        #expect(drain() == [0xFA])
        send(0xF0)
        #expect(drain() == [0xFA])
        send(0x00)
        #expect(drain() == [0xFA, 0x02])
    }

    @Test("each byte of the keyboard is an edge, if its interrupt is enabled")
    func edges() {
        send(0xF2)
        #expect(recorder.takeEdges() == 1)
        _ = controller.read(offset: 0)
        #expect(recorder.takeEdges() == 1)
        _ = drain()
        #expect(recorder.takeEdges() == 1)
        command(0x60)
        send(0x44)
        send(0xF2)
        _ = drain()
        #expect(recorder.takeEdges() == 0)
    }

    @Test("Ctrl-Alt-Del is pressed and released in scan code set 2, or set 1 if translation is on")
    func controlAltDelete() {
        #expect(controller.pressControlAltDelete())
        #expect(drain() == [0x14, 0x11, 0xE0, 0x71, 0xE0, 0xF0, 0x71, 0xF0, 0x11, 0xF0, 0x14])
        #expect(recorder.takeEdges() == 11)
        command(0x60)
        send(0x45)
        #expect(controller.pressControlAltDelete())
        #expect(drain() == [0x1D, 0x38, 0xE0, 0x53, 0xE0, 0xD3, 0xB8, 0x9D])
    }

    @Test("Ctrl-Alt-Del is not sent to a guest that does not listen")
    func notListening() {
        #expect(controller.pressControlAltDelete())
        #expect(!controller.pressControlAltDelete())  // it has not read the first
        command(0x60)
        send(0x04)
        #expect(!controller.pressControlAltDelete())
        command(0x60)
        send(0x15)
        #expect(!controller.pressControlAltDelete())
    }

    @Test("any order of writes keeps the buffer in its bounds")
    func everything() {
        var random = SplitMix(seed: 42)
        for _ in 0..<20_000 {
            let word = random.next()
            let offset = UInt8(truncatingIfNeeded: word)
            if word & 0x100 == 0 {
                let offset = word & 0x200 == 0 ? offset & 4 : offset
                controller.write(offset: offset, value: UInt8(truncatingIfNeeded: word >> 16))
            } else {
                _ = controller.read(offset: offset & 4)
            }
            if word & 0xF000 == 0 { _ = controller.pressControlAltDelete() }
            #expect(controller.save().buffer.count <= 16)
        }
    }

    @Test("the ports between are not there")
    func otherPorts() {
        for offset in [1, 2, 3, 5, 255] as [UInt8] {
            controller.write(offset: offset, value: 0xFE)
            #expect(controller.read(offset: offset) == 0xFF)
        }
        #expect(recorder.resets == 0)
    }

    @Test("a saved controller goes on, and unread keys interrupt again")
    func restores() throws {
        send(0xF2)
        command(0x60)
        let state = controller.save()
        _ = recorder.takeEdges()
        let restored = try I8042(restoring: state, interrupt: recorder, reset: recorder)
        #expect(recorder.takeEdges() == 1)
        #expect(restored.save() == state)
        restored.write(offset: 0, value: 0x44)
        #expect(restored.save().control == 0x44)
    }

    @Test("a saved buffer of more than 16 bytes is refused")
    func oversized() {
        var state = controller.save()
        state.buffer = [UInt8](repeating: 0, count: 17)
        #expect(throws: I8042State.Invalid.oversizedBuffer(byteCount: 17)) {
            try I8042(restoring: state, interrupt: recorder, reset: recorder)
        }
    }
}
