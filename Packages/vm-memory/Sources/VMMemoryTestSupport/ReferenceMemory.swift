// SPDX-License-Identifier: Apache-2.0
public import VMMemory

/// Guest memory as a dictionary of bytes: slow, plain, and obviously right. Tests compare the real one with it.
public struct ReferenceMemory: Sendable {
    /// The bytes that were written; what is missing reads as zero where it is mapped.
    public private(set) var bytes: [UInt64: UInt8] = [:]
    /// The mapped ranges.
    public private(set) var ranges: [GuestRange]

    /// Makes zeroed memory at the ranges.
    public init(_ ranges: [GuestRange]) { self.ranges = ranges }

    /// Maps one more range.
    public mutating func add(_ range: GuestRange) { ranges.append(range) }

    /// Whether the address is mapped.
    public func isMapped(_ address: UInt64) -> Bool { ranges.contains { $0.contains(GuestAddress(address)) } }

    /// Reads up to the first hole.
    public func read(_ address: UInt64, _ count: Int) -> [UInt8] {
        var result: [UInt8] = []
        for index in 0..<UInt64(count) {
            let (place, overflow) = address.addingReportingOverflow(index)
            guard !overflow, isMapped(place) else { break }
            result.append(bytes[place] ?? 0)
        }
        return result
    }

    /// Writes up to the first hole.
    /// - Returns: the number of bytes written.
    public mutating func write(_ address: UInt64, _ data: [UInt8]) -> Int {
        for (index, byte) in data.enumerated() {
            let (place, overflow) = address.addingReportingOverflow(UInt64(index))
            guard !overflow, isMapped(place) else { return index }
            bytes[place] = byte
        }
        return data.count
    }
}
