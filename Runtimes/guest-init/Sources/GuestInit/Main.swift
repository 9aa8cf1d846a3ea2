// SPDX-License-Identifier: Apache-2.0
import CGuestInit

/// The guest's first process: loads the drivers and then becomes a pod's agent, or makes the root file system, runs the
/// command and reports how it ended.
@main
enum Main {
    static func main() {
        do throws(InitError) {
            try mountEarly()
            if try SystemImage.isWanted() { loadSystem() }
            try loadModules(listedIn: "/modules/order")
            guard let plan = try RunPlan.read("/swiftlet/run") else {
                // Booted without a command: the marker by which a start is timed, and the end.
                log("ready")
                powerOff()
            }
            try run(plan)
        } catch {
            log(error.description)
            report("failed \(error.description)\n")
        }
        // The VMM ends the machine when it has read the report; a guest on its own turns itself off.
        sleep(10)
        powerOff()
    }

    /// Nobody waits for a report here: the reason goes to the console, and the machine turns itself off.
    private static func loadSystem() -> Never {
        do throws(InitError) {
            // The agent's console is the serial one: this driver is for commands, and takes a hundredth of the boot.
            try loadModules(listedIn: "/modules/order", except: "/modules/virtio_console.ko")
            try SystemImage.becomeAgent()
        } catch {
            log(error.description)
            powerOff()
        }
    }

    private static func run(_ plan: RunPlan) throws(InitError) {
        let stdin = try ConsolePort.open("stdin")
        let stdout = try ConsolePort.open("stdout")
        let stderr = try ConsolePort.open("stderr")
        try makeRoot(plan)
        let childSignals = guest_child_signals()
        if childSignals < 0 { throw InitError("signalfd", errno) }
        guest_ignore_broken_pipes()
        switch try Command.start(plan) {
        case .failed(let error):
            close(stdout)
            close(stderr)
            // ENOENT is what a shell calls "not found"; anything else is "not executable".
            report(error == ENOENT ? "notfound\n" : "notexecutable\n")
        case .running(let command):
            let status = relay(command, stdin: stdin, stdout: stdout, stderr: stderr, childSignals: childSignals)
            sync()
            close(stdout)
            close(stderr)
            let signal = guest_end_signal(status)
            report(signal != 0 ? "signalled \(signal)\n" : "exited \(guest_exit_code(status))\n")
        }
    }

    private static func powerOff() -> Never {
        sync()
        reboot(RB_POWER_OFF)
        // Not reached while the kernel can turn the machine off.
        while true { pause() }
    }
}

/// The status port, opened once on first use and kept: closing it would tell the VMM that nothing more comes.
func report(_ line: String) {
    guard let port = try? ConsolePort.open("status") else { return }
    writeAll(port, line)
}

/// A line on the kernel's console.
func log(_ line: String) {
    writeAll(2, "guest-init: \(line)\n")
}

/// Writes all of a short text, waiting where the other side is slow.
func writeAll(_ descriptor: Int32, _ text: String) {
    var text = text
    text.withUTF8 { bytes in
        var done = 0
        while done < bytes.count, let base = bytes.baseAddress {
            let count = write(descriptor, base + done, bytes.count - done)
            if count > 0 {
                done += count
            } else if count < 0 && errno == EAGAIN {
                var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                poll(&wait, 1, 1000)
            } else if count < 0 && errno != EINTR {
                return
            }
        }
    }
}
