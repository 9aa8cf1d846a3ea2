// SPDX-License-Identifier: Apache-2.0
import SwiftletVMM
import VMMSysUtil
import VirtioDevices

/// `swiftlet` without a verb: a machine that a file describes, or clients of the API, or both.
enum APICommand {
    static func perform(_ arguments: APIArguments) -> UInt8 {
        let settings = VMSettings(notice: Program.note)
        settings.offersPackedRings = arguments.offersPackedRings
        do throws(ConfigError) {
            if let path = arguments.configFile { try settings.load(try contents(of: path)) }
        } catch {
            return Program.fail("\(arguments.configFile ?? ""): \(error)", status: Program.badConfiguration)
        }
        let sandbox: Sandbox?
        do throws(SandboxFault) { sandbox = try arguments.sandbox.sandbox() } catch {
            return Program.fail("\(error)", status: Program.badConfiguration)
        }
        do throws(ConfigError) {
            guard arguments.hasAPI else { return run(try Machine(settings, console: try console()), nil, sandbox) }
            return try serve(settings, arguments, sandbox)
        } catch {
            return Program.fail("\(error)")
        }
    }

    private static func serve(
        _ settings: VMSettings, _ arguments: APIArguments, _ sandbox: Sandbox?
    ) throws(ConfigError) -> UInt8 {
        let info = InstanceInfo(id: arguments.id, version: version)
        let controller: APIController
        let server: APIServer
        do throws(Errno) {
            controller = try APIController(settings, info: info)
            server = try APIServer(
                path: arguments.socket, controller: controller, info: info, payloadLimit: arguments.payloadLimit)
        } catch {
            return Program.fail("cannot open the API socket \(arguments.socket): \(error)")
        }
        let thread: Thread
        do throws(MachineError) { thread = try server.start(in: sandbox) } catch { return Program.fail("\(error)") }
        var status = Program.failure
        var failure: ConfigError?
        do throws(ConfigError) {
            switch try machine(settings, controller, isDescribed: arguments.configFile != nil) {
            case .machine(let machine): status = run(machine, controller, sandbox)
            case .ended(let cause): status = cause.exitStatus(hasCommand: false)
            }
        } catch {
            failure = error
        }
        controller.close()
        server.stop()
        try? thread.join()
        // Its last owner removes the socket's file, which the API's thread may not.
        withExtendedLifetime(server) {}
        if let failure { throw failure }
        return status
    }

    /// From the file at once, else when a client says so.
    private static func machine(
        _ settings: VMSettings, _ controller: APIController, isDescribed: Bool
    ) throws(ConfigError) -> APIController.Result {
        guard !isDescribed else {
            let machine = try Machine(settings, console: try console())
            controller.started()
            return .machine(machine)
        }
        do throws(Errno) {
            return try controller.waitForMachine { () throws(ConfigError) in
                try Machine(settings, console: try console())
            }
        } catch {
            throw .start("cannot wait for requests: \(error)")
        }
    }

    private static func run(_ machine: Machine, _ controller: APIController?, _ sandbox: Sandbox?) -> UInt8 {
        let terminal = StandardStreams.rawTerminal()
        StartupPages.release()
        let cause = machine.run(serving: controller, in: sandbox)
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
