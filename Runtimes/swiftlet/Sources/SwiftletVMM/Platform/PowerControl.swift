// SPDX-License-Identifier: Apache-2.0
internal import ACPITables
internal import VMMemory
internal import VMSuperIO

/// The ports by which a guest turns itself off or starts again.
final class PowerControl: ResetLine {
    private let stop: StopSignal
    private let memory: GuestMemory

    init(stop: StopSignal, memory: GuestMemory) {
        self.stop = stop
        self.memory = memory
    }

    /// Serves a write to a port that no other device has.
    /// - Returns: false if it ended the machine.
    func write(_ port: UInt16, _ value: UInt8) -> Bool {
        switch port {
        case Layout.sleepControl where SleepControl.requestedSleepType(in: value) == Layout.sleepTypeOff:
            stop.stop(.poweredOff)
        case Layout.reset where value == Layout.resetValue:
            stop.stop(resetCause)
        case Layout.keyboardCommand where value == 0xFE:
            // The keyboard controller's "pulse the reset line", which a kernel without ACPI uses.
            stop.stop(resetCause)
        default:
            return true
        }
        return false
    }

    /// Serves the keyboard controller's wish to pulse the reset line.
    func requestReset() { stop.stop(resetCause) }

    /// Tells a panic from a wish: started with `reboot=panic_warm`, Linux leaves 0x1234 in the BIOS data area before it
    /// restarts after a panic (kernel/reboot.c, arch/x86/kernel/reboot.c), and 0 before any other restart.
    private var resetCause: StopCause {
        let mode = (try? memory.load(UInt16.self, at: Layout.rebootMode)) ?? 0
        return mode == 0x1234 ? .panicked : .rebooted
    }
}
