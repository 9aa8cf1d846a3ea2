// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import NestResources

/// The version of nest, which is also that of its shim, agent and guest image.
let version = "0.1.0"

/// `nest version`.
struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "version", abstract: "Prints the version of nest and of the VMM beside it.")

    func run() {
        say("nest \(version)")
        let program = ((try? NestConfiguration.load()) ?? NestConfiguration(prefix: NestConfiguration.installedPrefix))
            .swiftlet
        guard let vmm = try? ChildProcess.run([program, "--version"], limit: .seconds(5)),
            vmm.status == 0
        else { return }
        say(vmm.lastLine)
    }
}
