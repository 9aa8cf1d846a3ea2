// SPDX-License-Identifier: Apache-2.0

/// The registers of a 16550A as a value: what an access answers and what it causes. No lock, no I/O.
struct UART: Sendable {
    /// What the register file wants done outside.
    struct Effects: Equatable {
        var raisesInterrupt = false
        var transmitted: UInt8?
        var frees = false
    }

    /// The receive FIFO. A real 16550A has 16 bytes; 64 spare exits, and a driver that knows the part cannot tell.
    static let capacity = 64

    private(set) var interruptEnable: UInt8 = 0
    private(set) var fifoControl: UInt8 = 0
    private(set) var lineControl = LCR.eightBits
    private(set) var modemControl: UInt8 = 0
    private(set) var lineStatus = LSR.transmitterEmpty
    private(set) var modemStatus = MSR.connected
    private(set) var scratch: UInt8 = 0
    /// 12: 9600 baud of the 1.8432 MHz clock.
    private(set) var divisor: UInt16 = 12
    /// A "transmitter empty" interrupt that IIR has not shown yet.
    private(set) var transmitterInterrupt = false
    private(set) var received = ByteFIFO(capacity: UART.capacity)
    /// `receive` was refused bytes, and nobody was told of room since.
    private(set) var isStarved = false

    init() {}

    // MARK: The guest's side

    mutating func read(_ offset: UInt8, _ effects: inout Effects) -> UInt8 {
        switch offset {
        case 0 where isDivisorLatched: UInt8(truncatingIfNeeded: divisor)
        case 0: readReceiver(&effects)
        case 1 where isDivisorLatched: UInt8(truncatingIfNeeded: divisor >> 8)
        case 1: interruptEnable
        case 2: readInterruptIdentification()
        case 3: lineControl
        case 4: modemControl
        case 5: readLineStatus()
        case 6: readModemStatus()
        case 7: scratch
        default: 0xFF
        }
    }

    mutating func write(_ offset: UInt8, _ value: UInt8, _ effects: inout Effects) {
        switch offset {
        case 0 where isDivisorLatched: divisor = divisor & 0xFF00 | UInt16(value)
        case 0: writeTransmitter(value, &effects)
        case 1 where isDivisorLatched: divisor = divisor & 0x00FF | UInt16(value) << 8
        case 1: writeInterruptEnable(value, &effects)
        case 2: writeFIFOControl(value, &effects)
        case 3: lineControl = value
        case 4: writeModemControl(value, &effects)
        case 7: scratch = value
        default: break  // LSR and MSR: writes are for factory tests, and ignored
        }
    }

    // MARK: The host's side

    /// Takes what fits into `room`.
    mutating func receive(_ bytes: UnsafeRawBufferPointer, room: Int, _ effects: inout Effects) -> Int {
        let count = min(room, bytes.count)
        for byte in bytes.prefix(count) { received.append(byte) }
        if count < bytes.count { isStarved = true }
        guard count > 0 else { return 0 }
        lineStatus |= LSR.dataReady
        if interruptEnable & IER.received != 0 { effects.raisesInterrupt = true }
        return count
    }

    /// How much the host may send: without FIFOs there is one buffer, and in loopback the input pin is cut off.
    var receiverRoom: Int { isLoopback ? 0 : fifoRoom }

    private var fifoRoom: Int { max(0, (isFIFOEnabled ? UART.capacity : 1) - received.count) }

    /// The cause that IIR shows, the most urgent first (PC16550D data sheet, table "Interrupt Control Functions"); nil for
    /// none.
    var pendingCause: UInt8? {
        if interruptEnable & IER.lineStatus != 0, lineStatus & LSR.errors != 0 { return IIR.lineStatus }
        if interruptEnable & IER.received != 0, lineStatus & LSR.dataReady != 0 { return IIR.received }
        if interruptEnable & IER.transmitterEmpty != 0, transmitterInterrupt { return IIR.transmitterEmpty }
        if interruptEnable & IER.modemStatus != 0, modemStatus & MSR.changes != 0 { return IIR.modemStatus }
        return nil
    }

    // MARK: Registers

    private var isDivisorLatched: Bool { lineControl & LCR.divisorLatch != 0 }
    /// Whether a driver takes what comes: its receive interrupt is enabled and reaches the processor.
    var isListening: Bool {
        interruptEnable & IER.received != 0 && modemControl & MCR.out2 != 0 && !isLoopback
    }

    private var isLoopback: Bool { modemControl & MCR.loopback != 0 }
    private var isFIFOEnabled: Bool { fifoControl & FCR.enable != 0 }

    private mutating func readReceiver(_ effects: inout Effects) -> UInt8 {
        let byte = received.removeFirst() ?? 0
        if received.isEmpty {
            lineStatus &= ~LSR.dataReady
            freeRoom(&effects)
        }
        return byte
    }

    private mutating func readInterruptIdentification() -> UInt8 {
        let fifos = isFIFOEnabled ? IIR.fifosEnabled : 0
        guard let cause = pendingCause else { return fifos | IIR.none }
        // Only this cause is cleared by showing it; the others are by the register that they are about.
        if cause == IIR.transmitterEmpty { transmitterInterrupt = false }
        return fifos | cause
    }

    private mutating func readLineStatus() -> UInt8 {
        defer { lineStatus &= ~LSR.errors }
        return lineStatus
    }

    private mutating func readModemStatus() -> UInt8 {
        defer { modemStatus &= ~MSR.changes }
        return modemStatus
    }

    private mutating func writeTransmitter(_ value: UInt8, _ effects: inout Effects) {
        if isLoopback {
            if fifoRoom > 0 {
                received.append(value)
                lineStatus |= LSR.dataReady
                if interruptEnable & IER.received != 0 { effects.raisesInterrupt = true }
            } else {
                lineStatus |= LSR.overrun
                if interruptEnable & IER.lineStatus != 0 { effects.raisesInterrupt = true }
            }
        } else {
            effects.transmitted = value
        }
        // The byte is gone at once, so the transmitter is empty again.
        transmitterInterrupt = true
        if interruptEnable & IER.transmitterEmpty != 0 { effects.raisesInterrupt = true }
    }

    private mutating func writeInterruptEnable(_ value: UInt8, _ effects: inout Effects) {
        let new = value & IER.all
        // Enabling it with the transmitter empty is a cause of its own: Linux sends its first byte on it, and tests it.
        if new & ~interruptEnable & IER.transmitterEmpty != 0 { transmitterInterrupt = true }
        let enabled = new & ~interruptEnable
        interruptEnable = new
        if enabled != 0, pendingCause != nil { effects.raisesInterrupt = true }
        if enabled & IER.received != 0 { freeRoom(&effects) }
    }

    private mutating func writeFIFOControl(_ value: UInt8, _ effects: inout Effects) {
        let toggles = (value ^ fifoControl) & FCR.enable != 0
        // The two reset bits clear themselves; the others count only together with the enable bit.
        fifoControl = value & FCR.enable != 0 ? value & ~FCR.resets : 0
        // Hardware clears the FIFO when it is switched on. Here the one byte that may be waiting stays: Linux enables the
        // receive interrupt just before, and what a host sends at that moment would be lost.
        guard toggles && fifoControl == 0 || value & FCR.resetReceiver != 0 else {
            if toggles { freeRoom(&effects) }
            return
        }
        received.removeAll()
        lineStatus &= ~LSR.dataReady
        freeRoom(&effects)
    }

    private mutating func writeModemControl(_ value: UInt8, _ effects: inout Effects) {
        let wasLoopback = isLoopback
        let wasListening = isListening
        modemControl = value & MCR.all
        let lines = isLoopback ? MCR.loopedLines(modemControl) : MSR.connected
        // A change shows in the low half; RI counts only when it falls.
        let changed = (lines ^ modemStatus) & 0xF0
        let rose = lines & MSR.ringing
        modemStatus = lines | modemStatus & MSR.changes | (changed & ~(changed & rose)) >> 4
        if changed != 0, pendingCause == IIR.modemStatus { effects.raisesInterrupt = true }
        if wasLoopback && !isLoopback || !wasListening && isListening { freeRoom(&effects) }
    }

    private mutating func freeRoom(_ effects: inout Effects) {
        guard isStarved, receiverRoom > 0 else { return }
        isStarved = false
        effects.frees = true
    }
}

extension UART {
    /// The registers as saved. The bytes of the FIFO must fit; every other value is one that a guest could have made.
    init(restoring state: SerialState) throws(SerialState.Invalid) {
        guard state.received.count <= UART.capacity else { throw .oversizedFIFO(byteCount: state.received.count) }
        interruptEnable = state.interruptEnable & IER.all
        fifoControl = state.fifoControl & FCR.enable != 0 ? state.fifoControl & ~FCR.resets : 0
        lineControl = state.lineControl
        modemControl = state.modemControl & MCR.all
        modemStatus = state.modemStatus
        scratch = state.scratch
        divisor = state.divisor
        transmitterInterrupt = state.hasTransmitterInterrupt
        for byte in state.received { received.append(byte) }
        // What follows from the rest is computed, so that it cannot contradict it.
        lineStatus = LSR.transmitterEmpty | (received.isEmpty ? 0 : LSR.dataReady) | state.lineStatus & LSR.errors
    }

    var state: SerialState {
        SerialState(
            interruptEnable: interruptEnable, fifoControl: fifoControl, lineControl: lineControl,
            modemControl: modemControl, lineStatus: lineStatus, modemStatus: modemStatus, scratch: scratch,
            divisor: divisor, hasTransmitterInterrupt: transmitterInterrupt, received: received.bytes)
    }
}
