// SPDX-License-Identifier: Apache-2.0

/// A program of the host that has not said yet where it wants to go.
final class LineClient {
    let socket: HostSocket
    let type: VsockSocketType
    let deadline: UInt64
    private var line = ConnectLine()

    init(_ socket: HostSocket, _ type: VsockSocketType, deadline: UInt64) {
        self.socket = socket
        self.type = type
        self.deadline = deadline
    }

    /// Reads as much of the line as is there, and nothing behind it. A program that is gone has said nonsense.
    func read() -> ConnectLine.Progress {
        withUnsafeTemporaryAllocation(byteCount: ConnectLine.byteCountMax, alignment: 1) { memory in
            type == .sequencedPacket ? readMessage(memory) : readBytes(memory)
        }
    }

    private func readBytes(_ memory: UnsafeMutableRawBufferPointer) -> ConnectLine.Progress {
        let buffer = UnsafeMutableRawBufferPointer(rebasing: memory.prefix(line.room))
        switch StreamSocket.peek(into: buffer, from: socket.descriptor) {
        case .nothingNow: return .incomplete
        case .end: return .malformed
        case .bytes(let count):
            let (progress, used) = line.append(UnsafeRawBufferPointer(rebasing: buffer.prefix(count)))
            StreamSocket.skip(UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(used)), from: socket.descriptor)
            return progress
        }
    }

    private func readMessage(_ memory: UnsafeMutableRawBufferPointer) -> ConnectLine.Progress {
        switch MessageSocket.take(into: memory, from: socket.descriptor) {
        case .nothingNow: return .incomplete
        case .end: return .malformed
        case .bytes(let count):
            guard count <= memory.count,
                let port = ConnectLine.port(ofMessage: UnsafeRawBufferPointer(rebasing: memory.prefix(count)))
            else { return .malformed }
            return .complete(port: port)
        }
    }
}
