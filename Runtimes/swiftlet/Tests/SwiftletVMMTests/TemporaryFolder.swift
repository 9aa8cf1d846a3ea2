// SPDX-License-Identifier: Apache-2.0
import Glibc
import SwiftletVMM
import VMMSysUtil

/// A folder of a test's own, which goes with what is in it.
final class TemporaryFolder {
    let path: String

    init() throws {
        var template = Array("/tmp/swiftlet-tests-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Errno.last }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        guard let stream = opendir(path) else { return }
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            unlink("\(path)/\(name)")
        }
        closedir(stream)
        rmdir(path)
    }

    /// Makes a file of zeros.
    func file(_ name: String, byteCount: Int) throws -> String {
        try writeWholeFile("\(path)/\(name)", [UInt8](repeating: 0, count: byteCount))
        return "\(path)/\(name)"
    }
}
