// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMSysUtil

@Suite struct EventFDTests {
    @Test("a read takes the sum of all writes and leaves zero")
    func readTakesTheSum() throws {
        let event = try EventFD()
        try event.write(3)
        try event.write(4)
        #expect(try event.read() == 7)
        #expect(try event.read() == nil)
    }
}
