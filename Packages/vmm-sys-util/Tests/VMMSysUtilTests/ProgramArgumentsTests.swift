// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMSysUtil

@Suite struct ProgramArgumentsTests {
    @Test("the arguments are those that the program was started with")
    func arguments() {
        #expect(ProgramArguments.all == CommandLine.arguments)
        #expect(!ProgramArguments.all.isEmpty)
    }
}
