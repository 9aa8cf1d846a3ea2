// SPDX-License-Identifier: Apache-2.0
internal import VirtioDevices

extension MMIODriver {
    /// What registers never show, whatever was written to them.
    /// - Parameter before: the status before the last access.
    /// - Returns: what is wrong, or nil.
    func registerFinding(from before: UInt32) -> String? {
        let status = self.status
        let interrupts = read(Register.interruptStatus)
        if ![0, 1, 3, 0xb, 0xf].contains(status & 0x3f) { return "status \(status)" }
        // Bits only come; or all go.
        if status != 0 && before & ~status != 0 { return "status went from \(before) to \(status)" }
        if status & 0x40 != 0 && status & 0x4 == 0 { return "needs a reset without having run: \(status)" }
        if status & 0x4 == 0 && interrupts != 0 { return "interrupt of a device that is not up" }
        if status & 0x8 == 0 && read(Register.queueReady) != 0 { return "a queue too early" }
        if interrupts & ~3 != 0 { return "unknown interrupt" }
        return nil
    }
}
