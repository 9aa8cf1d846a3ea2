// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser

/// The operator's command.
@main
struct Nest: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "nest",
        abstract: "Containers in microVMs, under containerd: what an operator needs beside ctr.",
        discussion: """
            containerd starts containers in microVMs when it is told the runtime io.containerd.nest.v2:

              ctr run --runtime io.containerd.nest.v2 --rm docker.io/library/debian:12 hello uname -a
            """,
        subcommands: [CheckCommand.self, ConfigCommand.self, ImageCommand.self, VersionCommand.self])
}
