// SPDX-License-Identifier: Apache-2.0
internal import Glibc
public import TTRPC
public import VMMSysUtil

/// The other end of a connection as bytes: it sends what no proper peer would, and checks what comes to the byte.
public final class RawPeer: Sendable {
    private let socket: FileDescriptor

    /// A peer on a connected stream socket.
    public init(_ socket: consuming FileDescriptor) { self.socket = socket }

    /// Sends bytes as they are, all of them.
    public func send(_ bytes: [UInt8]) throws(Errno) {
        var sent = 0
        let number = socket.rawValue
        while sent < bytes.count {
            let rest = bytes[sent...]
            sent += try rest.span.withUnsafeBytes { bytes throws(Errno) in
                try retryOnInterrupt { Glibc.send(number, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL)) }
            }
        }
    }

    /// Sends a frame.
    public func send(_ frame: TTRPCFrame) throws(Errno) { try send(frame.encoded()) }

    /// Sends a request.
    public func send(_ request: TTRPCRequest, on streamID: UInt32, flags: TTRPCFrameFlags = []) throws(Errno) {
        try send(TTRPCFrame(.request, streamID: streamID, flags: flags, data: request.encoded()))
    }

    /// Sends a response.
    public func send(_ response: TTRPCResponse, on streamID: UInt32) throws(Errno) {
        try send(TTRPCFrame(.response, streamID: streamID, data: response.encoded()))
    }

    /// Waits for so many bytes.
    /// - Returns: fewer at the end of the connection, or when none came for the time.
    public func receive(_ count: Int, within timeout: Duration = .seconds(10)) -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: min(count, 1 << 16))
        while bytes.count < count {
            guard isReadable(within: timeout) else { break }
            let got = recv(socket.rawValue, &buffer, min(buffer.count, count - bytes.count), 0)
            guard got > 0 else { break }
            bytes += buffer[..<got]
        }
        return bytes
    }

    /// Waits for a frame; nil at the end of the connection, or when none came for the time.
    public func receiveFrame(within timeout: Duration = .seconds(10)) -> TTRPCFrame? {
        let head = receive(TTRPCFrameHeader.byteCount, within: timeout)
        guard let header = try? head.withUnsafeBytes({ try TTRPCFrameHeader(parsing: $0) }) else { return nil }
        let data = receive(Int(header.dataByteCount), within: timeout)
        guard data.count == Int(header.dataByteCount) else { return nil }
        return TTRPCFrame(header.kind, streamID: header.streamID, flags: header.flags, data: data)
    }

    /// Waits for a frame and reads it as a response; nil if it is none.
    public func receiveResponse(within timeout: Duration = .seconds(10)) -> (id: UInt32, response: TTRPCResponse)? {
        guard let frame = receiveFrame(within: timeout), frame.header.kind == .response,
            let response = try? TTRPCResponse(parsing: frame.data)
        else { return nil }
        return (frame.header.streamID, response)
    }

    /// Whether the other end has closed; waits for it.
    public func isAtEnd(within timeout: Duration = .seconds(10)) -> Bool {
        guard isReadable(within: timeout) else { return false }
        var byte: UInt8 = 0
        return recv(socket.rawValue, &byte, 1, 0) <= 0
    }

    /// Waits for bytes or the end. A signal, such as a fuzzer's timer has, is neither.
    private func isReadable(within timeout: Duration) -> Bool {
        var entry = pollfd(fd: socket.rawValue, events: Int16(POLLIN), revents: 0)
        let deadline = Deadline(after: timeout)
        let count = try? retryOnInterrupt { poll(&entry, 1, deadline.pollMilliseconds) }
        return (count ?? 0) > 0
    }

    /// Closes both directions.
    public func close() { shutdown(socket.rawValue, Int32(SHUT_RDWR)) }

    /// Sends no more, and still reads.
    public func endSending() { shutdown(socket.rawValue, Int32(SHUT_WR)) }
}
