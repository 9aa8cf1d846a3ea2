// SPDX-License-Identifier: Apache-2.0
import Seccompiler
import Testing

@Suite struct ViolationNameTests {
    @Test("the names that a violation tells are those of the calls (else: make seccomp-filters)")
    func names() {
        let table = SystemCall.names.description.split { $0 == " " || $0 == "\n" }.map(String.init)
        #expect(table.count > 450)
        for (number, name) in table.enumerated() {
            #expect(Architecture.x86_64.syscallName(UInt32(number)) ?? "-" == name)
        }
    }
}
