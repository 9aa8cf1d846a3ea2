// SPDX-License-Identifier: Apache-2.0
internal import Synchronization

/// How a device asks the VMM to restart the machine.
public protocol ResetLine: Sendable {
    /// Asks for it. Called on a vCPU's thread, which then goes on until the VMM stops it; may be called again.
    func requestReset()
}

/// The keyboard controller at ports 0x60 and 0x64: it resets the machine, and has a keyboard with three keys.
///
/// Every method may be called from any thread; it has a lock of its own.
public final class I8042: Sendable {
    private let controller: Mutex<KeyboardController>
    private let interrupt: any InterruptLine
    private let reset: any ResetLine

    /// Makes a controller as a firmware leaves it.
    /// - Parameters:
    ///   - interrupt: IRQ 1.
    ///   - reset: is asked to reset the machine when the guest pulses the line.
    public init(interrupt: any InterruptLine, reset: any ResetLine) {
        controller = Mutex(KeyboardController())
        self.interrupt = interrupt
        self.reset = reset
    }

    /// Makes a controller as it was saved, and raises the interrupt if the keyboard has something to say.
    public init(
        restoring state: I8042State, interrupt: any InterruptLine, reset: any ResetLine
    ) throws(I8042State.Invalid) {
        let controller = try KeyboardController(restoring: state)
        self.controller = Mutex(controller)
        self.interrupt = interrupt
        self.reset = reset
        if controller.hasUnreadKeyboardData { interrupt.raise() }
    }

    /// Answers a one-byte read by the guest.
    /// - Parameter offset: from port 0x60: 0 is the data port, 4 the status port, 0xFF is read elsewhere.
    public func read(offset: UInt8) -> UInt8 {
        var effects = KeyboardController.Effects()
        let value = controller.withLock { $0.read(offset, &effects) }
        carryOut(effects)
        return value
    }

    /// Does a one-byte write of the guest.
    /// - Parameters:
    ///   - offset: from port 0x60: 0 is the data port, 4 the command port; ignored elsewhere.
    ///   - value: the byte.
    public func write(offset: UInt8, value: UInt8) {
        var effects = KeyboardController.Effects()
        controller.withLock { $0.write(offset, value, &effects) }
        carryOut(effects)
    }

    /// Presses and releases Ctrl, Alt and Delete, by which an orderly guest reboots.
    /// - Returns: false, with nothing sent, if the guest has no interrupt for the keyboard enabled or leaves it unread.
    public func pressControlAltDelete() -> Bool {
        var effects = KeyboardController.Effects()
        let isSent = controller.withLock { $0.pressControlAltDelete(&effects) }
        carryOut(effects)
        return isSent
    }

    /// The controller to be saved.
    public func save() -> I8042State { controller.withLock { $0.state } }

    private func carryOut(_ effects: KeyboardController.Effects) {
        if effects.raisesInterrupt { interrupt.raise() }
        if effects.resets { reset.requestReset() }
    }
}

/// A keyboard controller as it is saved.
public struct I8042State: Codable, Equatable, Sendable {
    /// Why a saved state is refused.
    public enum Invalid: Error, Equatable, CustomStringConvertible {
        /// More bytes wait than the buffer holds.
        case oversizedBuffer(byteCount: Int)

        /// One line for a log.
        public var description: String {
            switch self {
            case .oversizedBuffer(let count):
                "i8042: saved buffer holds \(count) bytes, \(KeyboardController.capacity) fit"
            }
        }
    }

    /// The command byte: interrupts, disables, translation.
    public var control: UInt8
    /// The output port, as last written.
    public var outputPort: UInt8
    /// The controller command that waits for its parameter.
    public var command: UInt8?
    /// The keyboard command that waits for its parameter.
    public var keyboardCommand: UInt8?
    /// What waits to be read, oldest first.
    public var buffer: [UInt8]
    /// Whether that came from the keyboard, not from the controller itself.
    public var isFromKeyboard: Bool
}
