// SPDX-License-Identifier: Apache-2.0
internal import Glibc
package import VMMSysUtil

/// The exchange that begins a stream: `CONNECT port` is answered with `OK hostport`, or with the end of the stream where
/// nobody in the guest listens.
package enum ConnectExchange {
    /// Plays the host's part.
    /// - Parameters:
    ///   - stream: connected, non-blocking.
    ///   - port: of the guest.
    ///   - deadline: until when the whole line must have come.
    /// - Returns: the host's port; nil where nobody listens.
    package static func run(
        _ stream: borrowing FileDescriptor, port: UInt32, deadline: Deadline
    ) throws(HypervisorError) -> UInt32? {
        let request = Array("CONNECT \(port)\n".utf8)
        let sent = send(stream.rawValue, request, request.count, Int32(MSG_NOSIGNAL))
        guard sent == request.count else { return nil }
        var line: [UInt8] = []
        while true {
            var polled = pollfd(fd: stream.rawValue, events: Int16(POLLIN), revents: 0)
            let ready = poll(&polled, 1, deadline.pollMilliseconds)
            if ready < 0 && Glibc.errno == EINTR { continue }
            guard ready > 0 else { throw .notListening(port: port) }
            // One at a time: what follows the line belongs to the caller.
            var byte: UInt8 = 0
            let count = Glibc.read(stream.rawValue, &byte, 1)
            if count < 0 && (Glibc.errno == EINTR || Glibc.errno == EAGAIN) { continue }
            guard count == 1 else { return nil }
            if byte == UInt8(ascii: "\n") { break }
            line.append(byte)
            guard line.count < 32 else { throw .badAnswer(port: port) }
        }
        // One spelling: whoever would read another one may read it in another way.
        guard let hostPort = UInt32(String(decoding: line.dropFirst(3), as: UTF8.self)),
            line.elementsEqual("OK \(hostPort)".utf8)
        else { throw .badAnswer(port: port) }
        return hostPort
    }
}
