// SPDX-License-Identifier: Apache-2.0
internal import Synchronization

/// A serial port: the 16550A UART with a 64-byte receive FIFO.
///
/// Every method may be called from any thread; the port has a lock of its own. vCPU threads call `read` and `write`,
/// the thread that has the input calls `receive`.
public final class Serial: Sendable {
    /// When the receiver takes input from the host.
    public enum InputPolicy: Sendable {
        /// Whenever there is room. What comes before the guest's driver is up is lost when that clears the FIFO.
        case always
        /// Only while the guest has the receive interrupt enabled and let through (MCR's OUT2): input waits in the host
        /// until the driver is up. The first alone is not enough: a driver that probes the port sets it for a moment,
        /// and clears the FIFO when it starts.
        case whenInterruptEnabled
    }

    private let registers: Mutex<UART>
    private let interrupt: any InterruptLine
    private let host: any SerialHost
    private let inputPolicy: InputPolicy

    /// Makes a port as after power-on.
    public init(
        interrupt: any InterruptLine, host: any SerialHost, inputPolicy: InputPolicy = .always
    ) {
        registers = Mutex(UART())
        self.interrupt = interrupt
        self.host = host
        self.inputPolicy = inputPolicy
    }

    /// Makes a port as it was saved, and raises the interrupt if it has a cause.
    public init(
        restoring state: SerialState, interrupt: any InterruptLine, host: any SerialHost,
        inputPolicy: InputPolicy = .always
    ) throws(SerialState.Invalid) {
        let uart = try UART(restoring: state)
        registers = Mutex(uart)
        self.interrupt = interrupt
        self.host = host
        self.inputPolicy = inputPolicy
        if uart.pendingCause != nil { interrupt.raise() }
    }

    /// Answers a one-byte read by the guest.
    /// - Parameter offset: from the base port, 0 to 7; 0xFF is read elsewhere.
    public func read(offset: UInt8) -> UInt8 {
        var effects = UART.Effects()
        let value = registers.withLock { $0.read(offset, &effects) }
        carryOut(effects)
        return value
    }

    /// Does a one-byte write of the guest.
    /// - Parameters:
    ///   - offset: from the base port, 0 to 7; ignored elsewhere.
    ///   - value: the byte.
    public func write(offset: UInt8, value: UInt8) {
        var effects = UART.Effects()
        registers.withLock { $0.write(offset, value, &effects) }
        carryOut(effects)
    }

    /// Gives the guest input.
    ///
    /// - Returns: how many bytes were taken, the first ones. If fewer than given, `SerialHost.receiverHasRoom` is
    ///   called once the guest has made room: keep the others, and stop watching the input until then.
    public func receive(_ bytes: UnsafeRawBufferPointer) -> Int {
        var effects = UART.Effects()
        let count = registers.withLock { uart in
            if inputPolicy == .whenInterruptEnabled, !uart.isListening {
                return uart.receive(bytes, room: 0, &effects)
            }
            return uart.receive(bytes, room: uart.receiverRoom, &effects)
        }
        carryOut(effects)
        return count
    }

    /// The port to be saved; call it with the vCPUs stopped.
    public func save() -> SerialState { registers.withLock { $0.state } }

    /// Outside the lock: a host that waits must not keep the other threads from the registers.
    private func carryOut(_ effects: UART.Effects) {
        if let byte = effects.transmitted { host.transmit(byte) }
        if effects.raisesInterrupt { interrupt.raise() }
        if effects.frees { host.receiverHasRoom() }
    }
}
