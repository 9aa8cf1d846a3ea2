// SPDX-License-Identifier: Apache-2.0

/// A serial port as it is saved. It may come from a file that somebody wrote by hand: restoring checks it.
public struct SerialState: Codable, Equatable, Sendable {
    /// Why a saved state is refused.
    public enum Invalid: Error, Equatable, CustomStringConvertible {
        /// The receive FIFO would hold more than it can.
        case oversizedFIFO(byteCount: Int)

        /// One line for a log.
        public var description: String {
            switch self {
            case .oversizedFIFO(let count): "serial: saved receive fifo holds \(count) bytes, \(UART.capacity) fit"
            }
        }
    }

    /// IER.
    public var interruptEnable: UInt8
    /// FCR, which the guest cannot read.
    public var fifoControl: UInt8
    /// LCR.
    public var lineControl: UInt8
    /// MCR.
    public var modemControl: UInt8
    /// LSR; of it only the error bits are restored, the rest follows from the FIFO.
    public var lineStatus: UInt8
    /// MSR.
    public var modemStatus: UInt8
    /// SCR.
    public var scratch: UInt8
    /// DLM and DLL.
    public var divisor: UInt16
    /// Whether a "transmitter empty" interrupt waits to be shown by IIR.
    public var hasTransmitterInterrupt: Bool
    /// What was received and not yet read, oldest first.
    public var received: [UInt8]
}
