// SPDX-License-Identifier: Apache-2.0

/// The names that a policy may write instead of numbers.
enum Constants {
    /// Flags of open(2) that ARM numbers otherwise (`arch/arm64/include/uapi/asm/fcntl.h`).
    static let openFlags: [(name: String, value: UInt64)] = [
        ("O_DIRECT", 0x4000), ("O_DIRECTORY", 0x10000), ("O_NOFOLLOW", 0x20000),
    ]
    static let openFlagsARM: [(name: String, value: UInt64)] = [
        ("O_DIRECT", 0x10000), ("O_DIRECTORY", 0x4000), ("O_NOFOLLOW", 0x8000),
    ]

    static let tables: [Architecture: [String: UInt64]] = {
        var tables: [Architecture: [String: UInt64]] = [:]
        for architecture in Architecture.allCases {
            var rows = general + errors + ioctls
            rows += architecture == .aarch64 ? openFlagsARM + ioctlsARM : openFlags
            if architecture == .x86_64 { rows += ioctlsX86 }
            tables[architecture] = Dictionary(rows.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
        }
        return tables
    }()
}

extension Architecture {
    /// The value of an expression: names such as `AF_UNIX` or `KVM_RUN` and hexadecimal numbers such as `0x5401`, joined
    /// with `|`. Nil if a part is neither.
    public func constant(_ expression: String) -> UInt64? {
        var result: UInt64 = 0
        for part in expression.split(separator: "|", omittingEmptySubsequences: false) {
            let name = part.trimmingSpaces()
            if let value = Constants.tables[self]?[name] {
                result |= value
            } else if name.hasPrefix("0x"),
                name.utf8.allSatisfy({ $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") }),
                let value = UInt64(name.dropFirst(2), radix: 16)
            {
                result |= value
            } else {
                return nil
            }
        }
        return result
    }

    /// All names that ``constant(_:)`` knows, sorted.
    public var constantNames: [String] { (Constants.tables[self] ?? [:]).keys.sorted() }

    /// The request of ioctl(2) with this number, such as `KVM_RUN`, or nil.
    public func ioctlName(_ request: UInt64) -> String? {
        let own = self == .x86_64 ? Constants.ioctlsX86 : self == .aarch64 ? Constants.ioctlsARM : []
        return (Constants.ioctls + own).first { $0.value == request }?.name
    }
}

extension Substring {
    fileprivate func trimmingSpaces() -> String {
        var part = self.drop { $0 == " " }
        while part.last == " " { part.removeLast() }
        return String(part)
    }
}
