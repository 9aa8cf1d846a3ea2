// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import NestResources

/// `nest config`.
struct ConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config",
        abstract: "Prints the default configuration, with a comment on every key.",
        discussion: "The runtime reads \(NestConfiguration.defaultPath); 'nest check' tells what is wrong in it.")

    @Option(help: "Where nest is installed.")
    var prefix: String = NestConfiguration.installedPrefix

    func run() {
        // It ends with a line break of its own.
        var text = NestConfiguration.defaultText(prefix: prefix)
        if text.hasSuffix("\n") { text.removeLast() }
        say(text)
    }
}

/// The configuration file, where a command takes another one than the runtime's.
struct ConfigurationOptions: ParsableArguments {
    @Option(help: "The configuration, instead of the runtime's.")
    var config: String?

    func load() throws(ConfigurationError) -> NestConfiguration { try NestConfiguration.load(path: config) }
}
