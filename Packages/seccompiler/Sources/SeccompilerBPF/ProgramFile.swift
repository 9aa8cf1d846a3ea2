// SPDX-License-Identifier: Apache-2.0

/// Named programs in one file, in the layout that Firecracker's `--seccomp-filter` reads.
///
/// All numbers are 64 bits, little-endian: the number of programs; for each, sorted by name, the byte count of the name,
/// the name, the number of instructions, the instructions.
public struct ProgramFile: Hashable, Sendable {
    /// The longest file that is read.
    public static let byteCountMax = 1 << 20

    /// The programs by name.
    public let programs: [String: BPFProgram]

    /// A file of these programs.
    public init(_ programs: [String: BPFProgram]) { self.programs = programs }

    /// Reads a file. Each program in it is one that the kernel would take.
    public init(bytes: [UInt8]) throws(ProgramFileError) {
        guard bytes.count <= Self.byteCountMax else { throw .tooLong }
        var rest = bytes[...]
        func number() throws(ProgramFileError) -> Int {
            guard rest.count >= 8 else { throw .truncated }
            let value = rest.prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
            rest = rest.dropFirst(8)
            guard let count = Int(exactly: value), count <= Self.byteCountMax else { throw .badCount(value) }
            return count
        }
        func take(_ count: Int) throws(ProgramFileError) -> [UInt8] {
            guard rest.count >= count else { throw .truncated }
            defer { rest = rest.dropFirst(count) }
            return Array(rest.prefix(count))
        }
        var programs: [String: BPFProgram] = [:]
        for _ in 0..<(try number()) {
            guard let name = String(validating: try take(try number()), as: UTF8.self) else { throw .badName }
            let words = try take(try number() * BPFProgram.instructionByteCount)
            guard programs[name] == nil else { throw .duplicateName(name) }
            do throws(BPFError) {
                programs[name] = try BPFProgram(exported: words)
            } catch {
                throw .program(name, error)
            }
        }
        guard rest.isEmpty else { throw .trailingBytes(rest.count) }
        self.programs = programs
    }

    /// The bytes that ``init(bytes:)`` reads.
    public var bytes: [UInt8] {
        func number(_ value: Int) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
        var bytes = number(programs.count)
        for (name, program) in programs.sorted(by: { $0.key < $1.key }) {
            bytes += number(name.utf8.count) + Array(name.utf8) + number(program.instructions.count) + program.bytes
        }
        return bytes
    }
}

/// Why bytes are not a file of programs.
public enum ProgramFileError: Error, Equatable, CustomStringConvertible {
    /// It ends too early.
    case truncated
    /// It goes on after the last program.
    case trailingBytes(Int)
    /// It is over ``ProgramFile/byteCountMax``.
    case tooLong
    /// A number of things that the file cannot hold.
    case badCount(UInt64)
    /// A name that is not UTF-8.
    case badName
    /// A second program of this name.
    case duplicateName(String)
    /// The program of this name is none.
    case program(String, BPFError)

    public var description: String {
        switch self {
        case .truncated: "the file ends too early"
        case .trailingBytes(let count): "\(count) bytes after the last program"
        case .tooLong: "the file is over \(ProgramFile.byteCountMax) bytes"
        case .badCount(let count): "a count of \(count)"
        case .badName: "a name that is not UTF-8"
        case .duplicateName(let name): "two programs \"\(name)\""
        case .program(let name, let error): "program \"\(name)\": \(error)"
        }
    }
}
