// SPDX-License-Identifier: Apache-2.0
internal import Synchronization
internal import VMMSysUtil
internal import VMSuperIO
internal import VirtioDevices
internal import VirtioModel

/// What the guest says on its serial port: written to a descriptor, with the last of it kept for a report.
///
/// vCPU threads put bytes into a buffer; the device thread writes them out, so that a slow terminal stalls no device.
/// A full buffer makes the vCPU wait: memory stays bounded and nothing is lost.
final class SerialConsole: SerialHost {
    private struct Buffer {
        var pending: [UInt8] = []
        var tail: [UInt8] = []
    }

    private static let capacity = 65536
    private static let tailCapacity = 4096

    private let buffer = Mutex(Buffer())
    private let wake: EventFD
    private let room: EventFD
    private let stop: StopSignal
    private let hasOutput: Bool

    /// - Parameter hasOutput: whether somebody takes the bytes by `drain`; otherwise only the tail is kept.
    init(stop: StopSignal, hasOutput: Bool) throws(MachineError) {
        do throws(Errno) {
            let wake = try EventFD()
            let room = try EventFD()
            self.wake = wake
            self.room = room
        } catch {
            throw .host("eventfd", error)
        }
        self.stop = stop
        self.hasOutput = hasOutput
    }

    /// Readable when there is something to drain.
    var wakeDescriptor: FileDescriptor { _read { yield wake.descriptor } }
    /// Readable when the guest took what was in its receiver.
    var roomDescriptor: FileDescriptor { _read { yield room.descriptor } }

    func transmit(_ byte: UInt8) {
        while true {
            let isFull = buffer.withLock { buffer in
                if hasOutput {
                    if buffer.pending.count >= Self.capacity { return true }
                    buffer.pending.append(byte)
                    if buffer.pending.count == 1 { try? wake.write() }
                }
                buffer.tail.append(byte)
                if buffer.tail.count >= 2 * Self.tailCapacity { buffer.tail.removeFirst(Self.tailCapacity) }
                return false
            }
            if !isFull || stop.cause != nil { return }
            Thread.sleep(for: .milliseconds(1))
        }
    }

    func receiverHasRoom() { try? room.write() }

    /// Takes notice of `wakeDescriptor`; what is there must then be taken, or announced again.
    func acknowledgeOutput() { _ = try? wake.read() }

    /// Makes `wakeDescriptor` readable if there is something to drain.
    func announceOutput() {
        buffer.withLock { if !$0.pending.isEmpty { try? wake.write() } }
    }

    /// Takes what is to be written.
    func take() -> [UInt8] {
        buffer.withLock { buffer in
            let bytes = buffer.pending
            buffer.pending.removeAll(keepingCapacity: true)
            return bytes
        }
    }

    /// Takes notice of `roomDescriptor`.
    func acknowledgeRoom() { _ = try? room.read() }

    /// The last lines, printable characters only: a guest must not drive the terminal of who reads a report.
    func lastLines(_ count: Int) -> [String] {
        let tail = buffer.withLock { $0.tail }
        let lines = tail.split(whereSeparator: { $0 == 10 || $0 == 13 })
        return lines.suffix(count).map { line in
            String(decoding: line.filter { $0 >= 32 && $0 < 127 }, as: UTF8.self)
        }
    }
}
