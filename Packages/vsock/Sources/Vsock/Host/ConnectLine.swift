// SPDX-License-Identifier: Apache-2.0

/// The line with which a host's program says where in the guest it wants to go: `CONNECT 1024\n`. On a stream it may
/// arrive in pieces of any size; among packets it is a message.
public struct ConnectLine: Sendable {
    /// The longest line, its newline included.
    public static let byteCountMax = 32

    private var bytes: [UInt8] = []

    /// Nothing has come yet.
    public init() {}

    /// How the line stands after some more bytes.
    public enum Progress: Equatable, Sendable {
        /// More must come.
        case incomplete
        /// The line is complete.
        case complete(port: UInt32)
        /// It is none, and never will be.
        case malformed
    }

    /// How many more bytes the line may have.
    public var room: Int { Self.byteCountMax - bytes.count }

    /// Adds bytes up to and including the first newline.
    /// - Returns: how the line stands, and how many of `more` belong to it: what comes behind is the connection's.
    public mutating func append(_ more: UnsafeRawBufferPointer) -> (progress: Progress, used: Int) {
        let line = more.prefix { $0 != 0x0a }
        let isComplete = line.count < more.count
        let used = line.count + (isComplete ? 1 : 0)
        guard used <= room else { return (.malformed, used) }
        bytes.append(contentsOf: line)
        guard isComplete else { return (room > 0 ? .incomplete : .malformed, used) }
        return (Self.port(of: bytes).map { .complete(port: $0) } ?? .malformed, used)
    }

    /// The port that a message names which is the line. The message ends it, so its newline may be missing.
    /// - Returns: nil if it is none, as it is with anything more in it.
    public static func port(ofMessage bytes: UnsafeRawBufferPointer) -> UInt32? {
        guard bytes.count <= byteCountMax else { return nil }
        return port(of: Array(bytes.last == 0x0a ? bytes.dropLast() : bytes[...]))
    }

    /// `CONNECT`, in capitals or not, white space, a port in decimal.
    private static func port(of line: [UInt8]) -> UInt32? {
        let words = line.split { $0 == 0x20 || $0 == 0x09 || $0 == 0x0d }
        guard words.count == 2, let number = words.last, number.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }),
            let keyword = words.first, keyword.elementsEqual("CONNECT".utf8, by: { $0 & 0xdf == $1 })
        else { return nil }
        return UInt32(String(decoding: number, as: UTF8.self))
    }

    /// The answer to a program whose connection the guest accepted.
    static func answer(port: UInt32) -> [UInt8] { Array("OK \(port)\n".utf8) }

    /// The answer to a program that wants what the guest's driver has not accepted.
    static func refusal(_ type: VsockSocketType) -> [UInt8] {
        Array("NO \(type == .sequencedPacket ? "SOCK_SEQPACKET" : "SOCK_STREAM")\n".utf8)
    }
}
