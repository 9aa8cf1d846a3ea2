// SPDX-License-Identifier: Apache-2.0
import SwiftletVMM
import Testing

@Suite struct StopCauseTests {
    @Test(
        "each end of a machine without a command has its exit status",
        arguments: [
            (.poweredOff, 0), (.rebooted, 3), (.panicked, 4), (.tripleFaulted, 4), (.interrupted(signal: 15), 143),
            (.failed(.cpuCount(0)), 125),
        ] as [(StopCause, UInt8)])
    func statusWithoutCommand(cause: StopCause, status: UInt8) {
        #expect(cause.exitStatus(hasCommand: false) == status)
    }

    @Test(
        "a machine that ends before its command did has failed, however it ended",
        arguments: [.poweredOff, .rebooted, .panicked, .tripleFaulted] as [StopCause])
    func statusBeforeTheCommand(cause: StopCause) {
        #expect(cause.exitStatus(hasCommand: true) == 125)
    }
}
