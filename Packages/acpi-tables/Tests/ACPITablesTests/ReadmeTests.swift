// SPDX-License-Identifier: Apache-2.0
import ACPITables
import Testing

@Suite struct ReadmeTests {
    @Test("the example in the README works")
    func example() throws {
        let machine = TableSet(
            fadt: FADT(hardware: .reduced(.ioPorts(control: 0x600, status: 0x601)), reset: .ioPort(0x602)),
            dsdt: [
                try .softOff(sleepType: 5),
                try .serialPort("\\_SB.COM1", uid: 0, port: 0x3F8, interrupt: 4),
                try .virtioMMIO("\\_SB.V000", uid: 0, address: 0xD000_0000, interrupt: 5),
            ],
            madt: MADT(
                entries: MADT.processors(count: 2) + [.ioAPIC(id: 0, address: 0xFEC0_0000, firstInterrupt: 0)])
        )
        // image.bytes go to image.address; the boot protocol gets image.rsdpAddress
        let image = try machine.image(at: 0xE_0000)

        #expect(image.rsdpAddress == 0xE_0000)
        #expect(SleepControl.requestedSleepType(in: 0x34) == 5)
    }
}
