// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser

/// `nest image`.
struct ImageCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "image", abstract: "Root images: what a container's machine sees as its disk.",
        subcommands: [ImageBuildCommand.self])
}
