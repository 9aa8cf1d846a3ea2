// SPDX-License-Identifier: Apache-2.0
import Glibc
import SwiftletVMM
import Synchronization
import Testing
import VMMSysUtil
import VirtioDevices

/// What a serial console costs the host when nobody takes or gives anything at one of its ends.
@Suite(.serialized, .enabled(if: KVMPresence.isUsable, "needs a usable /dev/kvm"))
struct ConsoleLoadTests {
    /// `F_SETPIPE_SZ`, which the C library shows to GNU programs only.
    private static let setPipeSize: Int32 = 1031

    /// Some hundred milliseconds on any processor.
    private let pause = MicroGuest.wait(ticks: 1_500_000_000)

    /// Runs the machine, and tells how long that took and for how much of it the device thread, ours, was busy.
    private func run(_ machine: Machine) -> (cause: StopCause, busy: Double, elapsed: Double) {
        let before = (seconds(CLOCK_THREAD_CPUTIME_ID), seconds(CLOCK_MONOTONIC))
        let cause = machine.run()
        return (
            cause, seconds(CLOCK_THREAD_CPUTIME_ID) - before.0, seconds(CLOCK_MONOTONIC) - before.1
        )
    }

    private func close(_ descriptor: consuming FileDescriptor) {}

    private func seconds(_ clock: clockid_t) -> Double {
        var time = timespec()
        clock_gettime(clock, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    @Test("input that the guest does not read, from a writer that is gone, keeps no processor busy")
    func unreadInput() throws {
        let pipe = try Pipe()
        try "unread".utf8CString.withUnsafeBytes { try pipe.writeEnd.writeAll(from: $0) }
        let input = try HostDescriptor(adopting: pipe.readEnd, for: .input)
        close(pipe.writeEnd)
        let machine = try MicroGuest.machine(
            pause + MicroGuest.powerOff, console: ConsoleStreams(input: input, output: nil))
        let (cause, busy, elapsed) = run(machine)
        #expect(cause == .poweredOff)
        #expect(busy < elapsed / 8)
    }

    @Test("an output whose reader is gone keeps no processor busy while the guest is silent")
    func silentBrokenOutput() throws {
        let pipe = try Pipe()
        let output = try HostDescriptor(adopting: pipe.writeEnd, for: .output)
        close(pipe.readEnd)
        let machine = try MicroGuest.machine(
            pause + MicroGuest.powerOff, console: ConsoleStreams(input: nil, output: output))
        let (cause, busy, elapsed) = run(machine)
        #expect(cause == .poweredOff)
        #expect(busy < elapsed / 8)
    }

    @Test("an output that is full keeps no processor busy, and nothing of what the guest said is lost")
    func fullOutput() throws {
        let pipe = try Pipe()
        _ = fcntl(pipe.writeEnd.rawValue, Self.setPipeSize, 4096)
        let output = try HostDescriptor(adopting: pipe.writeEnd, for: .output)
        let reader = SlowReader(pipe.readEnd)
        let count = 7000
        let machine = try MicroGuest.machine(
            MicroGuest.say(0x61, count: UInt32(count)) + pause + pause + MicroGuest.powerOff,
            console: ConsoleStreams(input: nil, output: output))
        let thread = try Thread(name: "reader") {
            usleep(1_300_000)
            reader.read(byteCount: count)
        }
        let (cause, busy, elapsed) = run(machine)
        try thread.join()
        #expect(cause == .poweredOff)
        #expect(busy < elapsed / 8)
        #expect(reader.received.load(ordering: .acquiring) == count)
    }

    @Test("a reader that goes away while the guest speaks ends the machine as SIGPIPE would, in good order")
    func brokenOutput() throws {
        let pipe = try Pipe()
        let output = try HostDescriptor(adopting: pipe.writeEnd, for: .output)
        close(pipe.readEnd)
        let machine = try MicroGuest.machine(
            MicroGuest.out(0x61, 0x3F8), console: ConsoleStreams(input: nil, output: output))
        #expect(machine.run() == .interrupted(signal: Signal.brokenPipe.rawValue))
    }
}

private final class SlowReader: Sendable {
    let received = Atomic(0)
    private let end: FileDescriptor

    init(_ end: consuming FileDescriptor) { self.end = end }

    func read(byteCount: Int) {
        var buffer = [UInt8](repeating: 0, count: 4096)
        while received.load(ordering: .acquiring) < byteCount {
            let count = (try? buffer.withUnsafeMutableBytes { try end.read(into: $0) }) ?? 0
            if count == 0 { return }
            received.add(count, ordering: .acquiringAndReleasing)
        }
    }
}
