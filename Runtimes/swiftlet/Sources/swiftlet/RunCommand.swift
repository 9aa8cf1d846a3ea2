// SPDX-License-Identifier: Apache-2.0
import SwiftletVMM
import VMMSysUtil
import VirtioDevices

/// `swiftlet run`.
enum RunCommand {
    static func perform(_ arguments: RunArguments) -> UInt8 {
        let hasCommand = !arguments.command.isEmpty
        let result: ResultFile
        do throws(Errno) { result = try ResultFile(arguments.resultFile) } catch {
            return Program.fail("cannot write \(arguments.resultFile ?? ""): \(error)")
        }
        let cause: StopCause
        do {
            cause = try run(arguments)
        } catch let error as MachineError {
            _ = Program.fail(error.description)
            cause = .failed(error)
        } catch {
            return Program.fail("\(error)")
        }
        let status = cause.exitStatus(hasCommand: hasCommand)
        do throws(Errno) { try result.write(ResultReport(cause, status: status)) } catch {
            return Program.fail("cannot write \(arguments.resultFile ?? ""): \(error)")
        }
        return status
    }

    private static func run(_ arguments: RunArguments) throws -> StopCause {
        let sandbox = try arguments.sandbox.sandbox()
        var config = MachineConfig(kernelPath: arguments.kernel)
        config.initrdPath = arguments.initrd
        config.commandLine = arguments.commandLine
        config.memoryBytes = arguments.memoryBytes
        config.cpuCount = arguments.cpuCount
        config.offersPackedRings = arguments.offersPackedRings
        config.drives = arguments.drives
        let machine: Machine
        if let rootfs = arguments.rootfs {
            let image = try RootfsImage.open(rootfs)
            config.drives.insert(DriveConfig(path: "/proc/self/fd/\(image.rawValue)", isReadOnly: true), at: 0)
            config.initrdExtra = CommandPlan(arguments: arguments.command).archive()
            config.commandLine = "quiet " + config.commandLine
            machine = try Machine(
                config, console: ConsoleStreams(input: nil, output: try consoleFile(arguments)),
                command: CommandStreams(
                    input: try StandardStreams.stream(0, .input), output: try StandardStreams.stream(1, .output),
                    error: try StandardStreams.stream(2, .output)), notice: Program.note)
        } else {
            machine = try Machine(
                config,
                console: ConsoleStreams(
                    input: try StandardStreams.stream(0, .input),
                    output: try consoleFile(arguments) ?? StandardStreams.stream(1, .output)),
                command: nil, notice: Program.note)
        }
        let terminal = arguments.rootfs == nil ? StandardStreams.rawTerminal() : nil
        StartupPages.release()
        let cause = machine.run(in: sandbox)
        StandardStreams.restore(terminal)
        explain(cause, machine, hasCommand: arguments.rootfs != nil)
        return cause
    }

    /// One line on standard error for an end that the user did not ask for.
    private static func explain(_ cause: StopCause, _ machine: Machine, hasCommand: Bool) {
        switch cause {
        case .failed(let error): _ = Program.fail(error.description)
        case .commandEnded(.failed(let text)): _ = Program.fail("the guest could not run the command: \(text)")
        case .poweredOff where hasCommand, .rebooted where hasCommand, .panicked where hasCommand,
            .tripleFaulted where hasCommand:
            _ = Program.fail("the guest ended before the command did: \(cause.name)")
            for line in machine.lastConsoleLines(5) { Program.say("swiftlet: guest: \(line)\n", to: 2) }
        default: break
        }
    }

    private static func consoleFile(_ arguments: RunArguments) throws -> HostDescriptor? {
        guard let path = arguments.consoleFile else { return nil }
        do throws(Errno) {
            return try HostDescriptor(
                adopting: try FileDescriptor.open(path, [.writeOnly, .create, .truncate]), for: .output)
        } catch {
            throw MachineError.file(role: "console file", path: path, error)
        }
    }
}
