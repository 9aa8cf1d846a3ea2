// SPDX-License-Identifier: Apache-2.0

/// The registers of an i8042 with a keyboard and no mouse, as a value.
///
/// All that Linux's driver asks at its probe is answered: it waits half a second for each answer that does not come.
struct KeyboardController: Sendable {
    /// What the registers want done outside.
    struct Effects: Equatable {
        var raisesInterrupt = false
        var resets = false
    }

    static let capacity = 16

    private enum Status {
        static let outputFull: UInt8 = 0x01
        static let awaitsParameter: UInt8 = 0x08
        /// The keyboard is not locked with a key; Linux warns without it.
        static let unlocked: UInt8 = 0x10
    }

    private enum Control {
        static let keyboardInterrupt: UInt8 = 0x01
        static let selfTestPassed: UInt8 = 0x04
        static let keyboardDisabled: UInt8 = 0x10
        static let mouseDisabled: UInt8 = 0x20
        static let translates: UInt8 = 0x40
    }

    /// As a firmware leaves it. Not translating, so Linux speaks scan code set 2.
    private var control = Control.keyboardInterrupt | Control.selfTestPassed
    private var outputPort: UInt8 = 0
    private var command: UInt8?
    private var keyboardCommand: UInt8?
    private var buffer = ByteFIFO(capacity: KeyboardController.capacity)
    private var isFromKeyboard = false

    init() {}

    var hasUnreadKeyboardData: Bool {
        !buffer.isEmpty && isFromKeyboard && control & Control.keyboardInterrupt != 0
    }

    mutating func read(_ offset: UInt8, _ effects: inout Effects) -> UInt8 {
        switch offset {
        case 0:
            let byte = buffer.removeFirst() ?? 0
            // Each byte is an edge of its own.
            effects.raisesInterrupt = hasUnreadKeyboardData
            return byte
        case 4:
            return Status.unlocked | (buffer.isEmpty ? 0 : Status.outputFull)
                | (command == nil ? 0 : Status.awaitsParameter)
        default:
            return 0xFF
        }
    }

    mutating func write(_ offset: UInt8, _ value: UInt8, _ effects: inout Effects) {
        switch offset {
        case 0:
            if let command {
                self.command = nil
                takeParameter(value, of: command)
            } else {
                commandKeyboard(value)
                effects.raisesInterrupt = hasUnreadKeyboardData
            }
        case 4:
            command = nil
            commandController(value, &effects)
        default:
            break
        }
    }

    mutating func pressControlAltDelete(_ effects: inout Effects) -> Bool {
        let codes: [UInt8] =
            control & Control.translates == 0
            ? [0x14, 0x11, 0xE0, 0x71, 0xE0, 0xF0, 0x71, 0xF0, 0x11, 0xF0, 0x14]
            : [0x1D, 0x38, 0xE0, 0x53, 0xE0, 0xD3, 0xB8, 0x9D]
        guard control & Control.keyboardInterrupt != 0, control & Control.keyboardDisabled == 0,
            buffer.isEmpty || isFromKeyboard, buffer.room >= codes.count
        else { return false }
        isFromKeyboard = true
        for code in codes { buffer.append(code) }
        effects.raisesInterrupt = true
        return true
    }

    private mutating func commandController(_ value: UInt8, _ effects: inout Effects) {
        switch value {
        case 0x20: answer(control)
        case 0x21...0x3F: answer(0)  // the rest of the controller's RAM
        case 0x60...0x7F, 0xD1...0xD4: command = value
        case 0xA7: control |= Control.mouseDisabled
        case 0xA8: control &= ~Control.mouseDisabled
        case 0xA9: answer(0x01)  // the mouse's clock line is stuck: there is none
        case 0xAA: answer(0x55)  // self test passed
        case 0xAB: answer(0x00)  // keyboard lines in order
        case 0xAD: control |= Control.keyboardDisabled
        case 0xAE: control &= ~Control.keyboardDisabled
        case 0xC0: answer(0x80)  // input port: not locked
        case 0xD0: answer(outputPort)
        // Pulses the output lines whose bits are 0; line 0 is the processor's reset.
        case 0xF0...0xFF where value & 1 == 0: effects.resets = true
        default: break
        }
    }

    private mutating func takeParameter(_ value: UInt8, of command: UInt8) {
        switch command {
        case 0x60: control = value
        case 0xD1: outputPort = value
        case 0xD2: answer(value, isFromKeyboard: true)
        // A mouse port would loop it back marked as mouse data. Unmarked, Linux knows at once that there is none.
        case 0xD3: answer(value)
        default: break
        }
    }

    private mutating func commandKeyboard(_ value: UInt8) {
        let acknowledge: UInt8 = 0xFA
        if let keyboardCommand {
            self.keyboardCommand = nil
            answer(acknowledge, isFromKeyboard: true)
            // "Which scan code set": the second.
            if keyboardCommand == 0xF0, value == 0 { buffer.append(0x02) }
            return
        }
        switch value {
        case 0xEE:
            answer(0xEE, isFromKeyboard: true)
            return
        case 0xED, 0xF0, 0xF3:
            keyboardCommand = value
            answer(acknowledge, isFromKeyboard: true)
        case 0xF2:
            // Identify: a keyboard with 101 or more keys.
            answer(acknowledge, isFromKeyboard: true)
            buffer.append(0xAB)
            buffer.append(0x83)
        case 0xFF:
            answer(acknowledge, isFromKeyboard: true)
            buffer.append(0xAA)  // reset, and passed its test
        default:
            answer(acknowledge, isFromKeyboard: true)
        }
    }

    /// Puts an answer in the place of what was not read, so a driver that gave up on it is in step again.
    private mutating func answer(_ byte: UInt8, isFromKeyboard: Bool = false) {
        buffer.removeAll()
        buffer.append(byte)
        self.isFromKeyboard = isFromKeyboard
    }
}

extension KeyboardController {
    init(restoring state: I8042State) throws(I8042State.Invalid) {
        guard state.buffer.count <= Self.capacity else {
            throw .oversizedBuffer(byteCount: state.buffer.count)
        }
        control = state.control
        outputPort = state.outputPort
        command = state.command
        keyboardCommand = state.keyboardCommand
        for byte in state.buffer { buffer.append(byte) }
        isFromKeyboard = state.isFromKeyboard
    }

    var state: I8042State {
        I8042State(
            control: control, outputPort: outputPort, command: command, keyboardCommand: keyboardCommand,
            buffer: buffer.bytes, isFromKeyboard: isFromKeyboard)
    }
}
