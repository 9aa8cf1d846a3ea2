// SPDX-License-Identifier: Apache-2.0
import Glibc
import SwiftletVMM
import Testing
import VMMSysUtil

/// Everything here fails before KVM is opened.
@Suite struct MachineConfigTests {
    private func failure(_ configure: (inout MachineConfig) -> Void) -> MachineError? {
        var config = MachineConfig(kernelPath: "/nonexistent/kernel")
        configure(&config)
        do throws(MachineError) {
            _ = try Machine(config, console: ConsoleStreams(input: nil, output: nil), command: nil)
            return nil
        } catch {
            return error
        }
    }

    @Test("no CPU, and more than 254, are refused with the number", arguments: [-1, 0, 255, 10000])
    func cpuCounts(count: Int) {
        #expect(failure { $0.cpuCount = count } == .cpuCount(count))
    }

    @Test(
        "memory must be a multiple of a page between 1 MiB and 1 TiB",
        arguments: [0, 4096, 1 << 20, (256 << 20) + 1, UInt64.max] as [UInt64])
    func memorySizes(bytes: UInt64) {
        #expect(failure { $0.memoryBytes = bytes } == .memorySize(bytes))
    }

    @Test("a kernel that is not there is named")
    func missingKernel() {
        #expect(failure { _ in } == .file(role: "kernel", path: "/nonexistent/kernel", .noSuchFile))
    }

    @Test("a directory is no kernel")
    func directoryAsKernel() {
        #expect(failure { $0.kernelPath = "/tmp" } == .notAFile(role: "kernel", path: "/tmp"))
    }

    @Test("a named pipe is no kernel, and nobody waits for its writer")
    func pipeAsKernel() {
        let path = "/tmp/swiftlet-pipe-\(getpid())"
        mkfifo(path, 0o600)
        defer { unlink(path) }
        #expect(failure { $0.kernelPath = path } == .notAFile(role: "kernel", path: path))
    }
}
