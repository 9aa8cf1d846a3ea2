// SPDX-License-Identifier: Apache-2.0
internal import Synchronization
internal import VMSuperIO

/// Plays three bytes a step against a serial port: what to do, where, with what. Nothing may trap, whatever they are.
public func fuzzSerial(_ bytes: UnsafeRawBufferPointer) {
    let machine = Machine()
    var serial = Serial(interrupt: machine, host: machine, inputPolicy: .always)
    forEachStep(of: bytes) { action, offset, value in
        switch action & 3 {
        case 0: _ = serial.read(offset: offset & 7)
        case 1: serial.write(offset: offset & 7, value: value)
        case 2:
            withUnsafeTemporaryAllocation(byteCount: 256, alignment: 1) { input in
                input.initializeMemory(as: UInt8.self, repeating: value)
                _ = serial.receive(UnsafeRawBufferPointer(rebasing: input[..<Int(offset)]))
            }
        default:
            let state = serial.save()
            if let restored = try? Serial(restoring: state, interrupt: machine, host: machine) { serial = restored }
        }
    }
}

/// Plays three bytes a step against a keyboard controller.
public func fuzzI8042(_ bytes: UnsafeRawBufferPointer) {
    let machine = Machine()
    var controller = I8042(interrupt: machine, reset: machine)
    forEachStep(of: bytes) { action, offset, value in
        switch action & 3 {
        case 0: _ = controller.read(offset: offset & 4)
        case 1: controller.write(offset: offset & 4, value: value)
        case 2: _ = controller.pressControlAltDelete()
        default:
            let state = controller.save()
            if let restored = try? I8042(restoring: state, interrupt: machine, reset: machine) {
                controller = restored
            }
        }
    }
}

/// Plays three bytes a step against a clock whose host's time jumps about.
public func fuzzRTC(_ bytes: UnsafeRawBufferPointer) {
    let machine = Machine()
    var rtc = RTC(clock: machine)
    forEachStep(of: bytes) { action, offset, value in
        switch action & 3 {
        case 0: _ = rtc.read(offset: offset & 1)
        case 1: rtc.write(offset: offset & 1, value: value)
        case 2: machine.setClock(Int64(bitPattern: UInt64(value) << UInt64(offset & 63)))
        default: if let restored = try? RTC(restoring: rtc.save(), clock: machine) { rtc = restored }
        }
    }
}

private func forEachStep(of bytes: UnsafeRawBufferPointer, _ step: (UInt8, UInt8, UInt8) -> Void) {
    var rest = bytes[...]
    while let action = rest.popFirst(), let offset = rest.popFirst(), let value = rest.popFirst() {
        step(action, offset, value)
    }
}

/// What the devices are connected to: nothing, but for a clock that can be set.
private final class Machine: InterruptLine, SerialHost, ResetLine, WallClock {
    private let seconds = Atomic<Int64>(0)

    func setClock(_ value: Int64) { seconds.store(value, ordering: .relaxed) }
    func secondsSinceEpoch() -> Int64 { seconds.load(ordering: .relaxed) }
    func raise() {}
    func transmit(_ byte: UInt8) {}
    func requestReset() {}
}
