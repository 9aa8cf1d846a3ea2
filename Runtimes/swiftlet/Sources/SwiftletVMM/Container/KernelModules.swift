// SPDX-License-Identifier: Apache-2.0

/// What a kernel module says of itself in its `.modinfo` section.
struct KernelModule {
    let path: String
    let contents: [UInt8]
    /// Names of the modules that must be loaded before, soft dependencies included.
    let dependencies: [String]

    init(path: String, contents: [UInt8]) {
        self.path = path
        self.contents = contents
        dependencies =
            Self.values(of: "depends=", in: contents).flatMap { $0.split(separator: ",").map(String.init) }
            + Self.values(of: "softdep=pre:", in: contents).flatMap { $0.split(separator: " ").map(String.init) }
    }

    /// Every NUL-terminated text that starts with a key, which in a module only `.modinfo` holds.
    private static func values(of key: String, in bytes: [UInt8]) -> [String] {
        let pattern = [0] + Array(key.utf8)
        var values: [String] = []
        var index = 0
        while let start = bytes.firstRange(of: pattern, from: index) {
            let end = bytes[start...].firstIndex(of: 0) ?? bytes.endIndex
            values.append(String(decoding: bytes[start..<end], as: UTF8.self))
            index = start
        }
        return values
    }
}

extension [UInt8] {
    /// The index behind the next occurrence of a pattern.
    func firstRange(of pattern: [UInt8], from start: Int) -> Int? {
        guard let first = pattern.first, count >= pattern.count else { return nil }
        return withUnsafeBufferPointer { bytes in
            var index = start
            while index <= bytes.count - pattern.count {
                if bytes[index] == first && bytes[index..<(index + pattern.count)].elementsEqual(pattern) {
                    return index + pattern.count
                }
                index += 1
            }
            return nil
        }
    }
}

/// Names as `modprobe` compares them: a dash and an underscore are the same.
func moduleName(_ path: String) -> String {
    var name = path.split(separator: "/").last.map(String.init) ?? path
    if name.hasSuffix(".ko") { name.removeLast(3) }
    return String(name.map { $0 == "-" ? "_" : $0 })
}
