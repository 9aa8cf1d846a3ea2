// SPDX-License-Identifier: Apache-2.0
import SwiftletVMM
import VMMSysUtil
import VirtioDevices

/// `swiftlet` without a verb: a machine that is described by a file, by a client of the API, or by both.
enum APICommand {
    static func perform(_ arguments: APIArguments) -> UInt8 {
        let settings = VMSettings()
        do throws(ConfigError) {
            if let path = arguments.configFile { try settings.load(try contents(of: path)) }
        } catch {
            return Program.fail("\(arguments.configFile ?? ""): \(error)", status: Program.badConfiguration)
        }
        let machine: Machine
        do throws(ConfigError) { machine = try Machine(settings, console: try console()) } catch {
            return Program.fail("\(error)")
        }
        return run(machine)
    }

    private static func run(_ machine: Machine) -> UInt8 {
        let terminal = StandardStreams.rawTerminal()
        StartupPages.release()
        let cause = machine.run()
        StandardStreams.restore(terminal)
        if case .failed(let error) = cause { _ = Program.fail("\(error)") }
        return cause.exitStatus(hasCommand: false)
    }

    private static func contents(of path: String) throws(ConfigError) -> [UInt8] {
        do throws(Errno) { return try readWholeFile(path) } catch {
            throw .start("cannot read the configuration file: \(error)")
        }
    }

    private static func console() throws(ConfigError) -> ConsoleStreams {
        do throws(Errno) {
            return ConsoleStreams(
                input: try StandardStreams.stream(0, .input), output: try StandardStreams.stream(1, .output))
        } catch {
            throw .start("cannot use the standard streams: \(error)")
        }
    }
}
