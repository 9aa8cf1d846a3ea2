// SPDX-License-Identifier: Apache-2.0
import Glibc
import Testing
import VMMSysUtil

@Suite(.serialized) struct TerminalModeTests {
    @Test("the terminal is raw while the value lives and as before afterwards")
    func rawAndBack() throws {
        let terminal = try PseudoTerminal()
        let device = try terminal.open()
        let isTerminal = device.isTerminal()
        #expect(isTerminal)
        let before = terminal.localFlags(device)
        #expect(before & UInt32(ECHO | ICANON | ISIG) == UInt32(ECHO | ICANON | ISIG))
        do {
            let mode = try TerminalMode.raw(device, restoringOn: [])
            #expect(terminal.localFlags(device) & UInt32(ECHO | ICANON | ISIG) == 0)
            _ = consume mode
        }
        #expect(terminal.localFlags(device) == before)
    }

    @Test("a second raw mode is refused while the first lives, and leaves it alone")
    func onlyOne() throws {
        let terminal = try PseudoTerminal()
        let device = try terminal.open()
        let mode = try TerminalMode.raw(device, restoringOn: [])
        #expect(throws: Errno.busy) { _ = try TerminalMode.raw(device, restoringOn: []) }
        #expect(terminal.localFlags(device) & UInt32(ECHO) == 0)
        _ = consume mode
        _ = try TerminalMode.raw(device, restoringOn: [])
    }

    @Test("restoring before the end of the process puts the mode back")
    func restoreNow() throws {
        let terminal = try PseudoTerminal()
        let device = try terminal.open()
        let before = terminal.localFlags(device)
        let mode = try TerminalMode.raw(device, restoringOn: [])
        TerminalMode.restoreNow()
        #expect(terminal.localFlags(device) == before)
        _ = consume mode
        TerminalMode.restoreNow()
    }

    @Test("what is no terminal is refused")
    func notATerminal() throws {
        let pipe = try Pipe()
        let isTerminal = pipe.readEnd.isTerminal()
        #expect(!isTerminal)
        #expect(throws: Errno.inappropriateIoctl) { _ = try TerminalMode.raw(pipe.readEnd, restoringOn: []) }
    }

    @Test(
        "a fatal signal restores the terminal and still ends the process by that signal",
        arguments: [
            SIGTERM, SIGINT, SIGSEGV, SIGILL,
        ])
    func signals(_ number: Int32) async throws {
        let terminal = try PseudoTerminal()
        let device = try terminal.open()
        let before = terminal.localFlags(device)
        let path = terminal.path
        await #expect(processExitsWith: .signal(number)) { [path = path as String, number = number as Int32] in
            // Tests run on threads of libdispatch, which block every signal.
            try SignalSet.all.unblock()
            // Signals that the runtime took for its backtraces are not ours; a static program has none of them.
            for signal in [SIGSEGV, SIGILL] { try Signal(rawValue: signal).restoreDefault() }
            let mode = try TerminalMode.raw(try FileDescriptor.open(path, [.readWrite, .noControllingTerminal]))
            raise(number)
            _ = consume mode
        }
        #expect(terminal.localFlags(device) == before)
    }
}

/// A terminal nobody sits at.
final class PseudoTerminal {
    let master: FileDescriptor
    let path: String

    init() throws {
        let master = try FileDescriptor.open("/dev/ptmx", [.readWrite, .noControllingTerminal])
        var unlock: Int32 = 0
        var index: UInt32 = 0
        let number = master.rawValue
        try retryOnInterrupt { ioctl(number, 0x4004_5431, &unlock) }  // TIOCSPTLCK
        try retryOnInterrupt { ioctl(number, 0x8004_5430, &index) }  // TIOCGPTN
        self.master = master
        path = "/dev/pts/\(index)"
    }

    func open() throws -> FileDescriptor { try FileDescriptor.open(path, [.readWrite, .noControllingTerminal]) }

    func localFlags(_ descriptor: borrowing FileDescriptor) -> UInt32 {
        var mode = termios()
        tcgetattr(descriptor.rawValue, &mode)
        return mode.c_lflag
    }
}
