// SPDX-License-Identifier: Apache-2.0
import SwiftletVMM
import VMMSysUtil
import VirtioDevices

/// The program's own standard streams, lent to a guest.
enum StandardStreams {
    /// Every key goes to the guest, if standard input is a terminal.
    static func rawTerminal() -> TerminalMode? {
        guard let input = try? duplicate(of: 0), input.isTerminal() else { return nil }
        return try? TerminalMode.raw(input)
    }

    /// Sets the terminal back.
    static func restore(_ terminal: consuming TerminalMode?) {}

    private static func duplicate(of number: Int32) throws(Errno) -> FileDescriptor {
        let stream = FileDescriptor(owning: number)
        let result: FileDescriptor
        do { result = try stream.duplicate() } catch {
            _ = stream.release()
            throw error
        }
        _ = stream.release()
        return result
    }

    /// One of our standard streams.
    static func stream(
        _ number: Int32, _ direction: HostDescriptor.Direction
    ) throws(Errno) -> HostDescriptor {
        try HostDescriptor(adopting: try duplicate(of: number), for: direction)
    }
}
