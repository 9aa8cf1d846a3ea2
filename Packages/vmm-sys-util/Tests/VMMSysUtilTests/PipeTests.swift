// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMSysUtil

@Suite struct PipeTests {
    @Test("the ends of a pipe can be taken out and used alone")
    func takeApart() throws {
        let pipe = try Pipe()
        let out = pipe.readEnd
        do {
            let into = pipe.writeEnd
            try into.writeAll(from: [1, 2, 3])
        }
        var buffer: [UInt8] = [0, 0, 0, 0]
        let count = try buffer.withUnsafeMutableBytes { try out.read(into: $0) }
        #expect(count == 3)
        #expect(try buffer.withUnsafeMutableBytes { try out.read(into: $0) } == 0)
    }
}

extension FileDescriptor {
    borrowing func writeAll(from bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { try writeAll(from: $0) }
    }
}
