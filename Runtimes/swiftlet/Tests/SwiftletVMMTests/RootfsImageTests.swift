// SPDX-License-Identifier: Apache-2.0
import Glibc
import SwiftletVMM
import Testing
import VMMSysUtil

@Suite struct RootfsImageTests {
    private func fault(_ path: String) -> RootfsError? {
        do throws(RootfsError) {
            _ = try RootfsImage.open(path)
            return nil
        } catch { return error }
    }

    @Test("a file is a root if EROFS's number is where it belongs, and nothing else of it is looked at")
    func files() throws {
        let folder = try TemporaryFolder()
        let path = try folder.file("root", byteCount: 4096)
        #expect(fault(path) == .notARoot(path))
        let file = try FileDescriptor.open(path, .readWrite)
        let magic: [UInt8] = [0xe2, 0xe1, 0xf5, 0xe0]
        #expect(magic.withUnsafeBytes { pwrite(file.rawValue, $0.baseAddress, 4, 1024) } == 4)
        #expect(fault(path) == nil)
        // Cut within the number, before it, and to nothing.
        for byteCount in [1027, 1024, 512, 0] as [UInt64] {
            try file.setByteCount(byteCount)
            #expect(fault(path) == .notARoot(path), "\(byteCount) bytes")
        }
    }

    @Test("what is no file, or not there, is named")
    func others() {
        #expect(fault("/dev/zero") == .notARoot("/dev/zero"))
        #expect(fault("/no/such/root") == .root("/no/such/root", .noSuchFile))
        #expect("\(RootfsError.notARoot("/dev/zero"))".contains("/dev/zero"))
    }
}
