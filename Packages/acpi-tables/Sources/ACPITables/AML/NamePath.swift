// SPDX-License-Identifier: Apache-2.0

/// A name in the namespace: `COM1`, `\_SB.GED`, `^^PCI0` (ACPI 6.5, 20.2.2).
///
/// It holds only what is a name, so what takes one has nothing to check.
public struct NamePath: Hashable, Sendable {
    /// The name as AML has it: segments padded with `_` to four bytes.
    public let encoded: [UInt8]

    /// Reads a name: `\` or any number of `^`, then up to 255 segments divided by dots.
    /// - Throws: `AMLError.badName` if a segment is empty, has more than four characters, or others than A-Z, 0-9 and `_`,
    ///   or begins with a digit.
    public init(_ text: String) throws(AMLError) {
        var rest = Array(text.utf8)[...]
        var prefix: [UInt8] = []
        if rest.first == UInt8(ascii: "\\") {
            prefix.append(rest.removeFirst())
        } else {
            while rest.first == UInt8(ascii: "^") { prefix.append(rest.removeFirst()) }
        }
        if rest.isEmpty {
            guard !prefix.isEmpty else { throw AMLError.badName(text) }
            encoded = prefix + [0x00]
            return
        }
        let segments = rest.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        var bytes = prefix
        switch segments.count {
        case 1: break
        case 2: bytes.append(0x2E)
        case 3...255: bytes += [0x2F, UInt8(segments.count)]
        default: throw AMLError.badName(text)
        }
        for segment in segments {
            guard let padded = Self.padded(segment) else { throw AMLError.badName(text) }
            bytes += padded
        }
        encoded = bytes
    }

    /// The four bytes of a single segment, without a path: what a field's element needs.
    static func segment(_ text: String) throws(AMLError) -> [UInt8] {
        guard let padded = Self.padded(Array(text.utf8)[...]) else { throw AMLError.badName(text) }
        return padded
    }

    private static func padded(_ segment: ArraySlice<UInt8>) -> [UInt8]? {
        guard let first = segment.first, isLead(first), segment.count <= 4 else { return nil }
        guard segment.allSatisfy({ isLead($0) || (0x30...0x39).contains($0) }) else { return nil }
        return segment + [UInt8](repeating: UInt8(ascii: "_"), count: 4 - segment.count)
    }

    private static func isLead(_ byte: UInt8) -> Bool {
        (0x41...0x5A).contains(byte) || byte == UInt8(ascii: "_")
    }
}
