// SPDX-License-Identifier: Apache-2.0
internal import VMMSysUtil

/// Whole files, of limited size.
enum FileAccess {
    static func read(_ path: String, byteCountMax: Int) throws(CommandError) -> [UInt8] {
        do throws(Errno) {
            let file = try FileDescriptor.open(path, .readOnly)
            var bytes: [UInt8] = []
            while bytes.count <= byteCountMax {
                var part = [UInt8](repeating: 0, count: 65536)
                let result = part.withUnsafeMutableBytes { buffer in
                    Swift.Result<Int, Errno> { () throws(Errno) in try file.read(into: buffer) }
                }
                let count = try result.get()
                if count == 0 { return bytes }
                bytes += part.prefix(count)
            }
            throw .fileTooLarge
        } catch {
            throw .failed("cannot read \(path): \(error)")
        }
    }

    static func write(_ bytes: [UInt8], to path: String) throws(CommandError) {
        do throws(Errno) {
            let file = try FileDescriptor.open(path, [.writeOnly, .create, .truncate], mode: 0o644)
            var rest = bytes[...]
            while !rest.isEmpty {
                let result = rest.withUnsafeBytes { buffer in
                    Swift.Result<Int, Errno> { () throws(Errno) in try file.write(from: buffer) }
                }
                rest = rest.dropFirst(try result.get())
            }
        } catch {
            throw .failed("cannot write \(path): \(error)")
        }
    }
}
