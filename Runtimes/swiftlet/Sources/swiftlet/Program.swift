// SPDX-License-Identifier: Apache-2.0
import Glibc
import SwiftletVMM
import VMMSysUtil
import VirtioDevices

/// What the program does with its arguments.
enum Program {
    /// swiftlet itself, or the guest, failed.
    static let failure: UInt8 = 125
    /// The configuration file cannot be used.
    static let badConfiguration: UInt8 = 152
    /// A command line without a verb cannot be understood.
    static let badArguments: UInt8 = 153

    /// - Returns: the exit status.
    static func run(_ arguments: [String]) -> UInt8 {
        do throws(UsageError) {
            switch try Invocation.parse(Array(arguments.dropFirst())) {
            case .help: say(Help.text, to: 1)
            case .version: say("swiftlet \(version)\n", to: 1)
            case .run(let arguments): return RunCommand.perform(arguments)
            case .initramfs(let arguments): return makeInitramfs(arguments)
            case .api(let arguments): return APICommand.perform(arguments)
            }
            return 0
        } catch {
            return fail(error.description, status: error.isOfAPI ? badArguments : failure)
        }
    }

    private static func makeInitramfs(_ arguments: InitramfsArguments) -> UInt8 {
        do throws(InitramfsError) {
            let archive = try InitramfsBuilder.build(
                initProgram: arguments.initProgram, modulesDirectory: arguments.modulesDirectory)
            do throws(Errno) { try writeWholeFile(arguments.output, archive) } catch {
                return fail("cannot write \(arguments.output): \(error)")
            }
            return 0
        } catch {
            return fail(error.description)
        }
    }

    /// Says one line on standard error.
    static func fail(_ text: String, status: UInt8 = failure) -> UInt8 {
        say("swiftlet: \(text)\n", to: 2)
        return status
    }

    /// Says one line on standard error, unless its reader is behind: the thread that serves the guest's devices must not wait
    /// for that.
    @Sendable static func note(_ text: String) {
        var stream = pollfd(fd: 2, events: Int16(POLLOUT), revents: 0)
        // A pipe that can be written has room for 4096 bytes.
        if poll(&stream, 1, 0) == 1, stream.revents == Int16(POLLOUT) { say("swiftlet: \(text)\n", to: 2) }
    }

    /// Writes all of a text.
    static func say(_ text: String, to descriptor: Int32) {
        var text = text
        text.withUTF8 { bytes in
            var done = 0
            while done < bytes.count {
                let count = write(descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done)
                if count < 0 && errno != EINTR { return }
                done += max(count, 0)
            }
        }
    }
}

/// The version of the program.
let version = "0.1.0"
