// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import NestResources

/// `nest check`.
struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Tells whether this host can run containers in microVMs, and what mends it if not.",
        discussion: "Exit status 0 if nothing is missing, 1 otherwise.")

    @Flag(help: "One JSON object instead of lines.")
    var json = false

    @Flag(help: "Leave out the boot of a machine, which takes a few seconds.")
    var quick = false

    @OptionGroup var files: ConfigurationOptions

    func run() throws {
        let host = Host(configuration: loaded(), isQuick: quick)
        let results = Check.all.map { CheckResult(name: $0.name, verdict: $0.examine(host)) }
        let isFit = !results.contains { $0.isBad }
        if json {
            say("{\"ok\":\(isFit),\"checks\":[" + results.map(\.json).joined(separator: ",") + "]}")
        } else {
            for result in results { say(result.line) }
        }
        if !isFit { throw ExitCode(1) }
    }

    private func loaded() -> Result<NestConfiguration, ConfigurationError> {
        do throws(ConfigurationError) { return .success(try files.load()) } catch { return .failure(error) }
    }
}

/// What one check found.
enum Verdict: Equatable {
    /// It is there; the text says what was seen.
    case good(String)
    /// It is not, and the command mends it.
    case bad(String, mend: String)
    /// It was not looked at, or its lack is no obstacle.
    case skipped(String)
}

/// One check: a name, and how to look.
struct Check: Sendable {
    let name: String
    let examine: @Sendable (Host) -> Verdict

    /// All of them, in the order in which they are worth mending.
    static let all: [Check] =
        [hostIsRoot] + kvmChecks + resourceChecks + installationChecks + [boot]
}

/// What the checks are about.
struct Host: Sendable {
    /// What the runtime would read.
    let configuration: Result<NestConfiguration, ConfigurationError>
    let isQuick: Bool

    /// It, or the defaults where it cannot be used, so that the other checks still say something.
    var settings: NestConfiguration {
        (try? configuration.get()) ?? NestConfiguration(prefix: NestConfiguration.installedPrefix)
    }
}

/// A check's name with what it found.
struct CheckResult {
    let name: String
    let verdict: Verdict

    var isBad: Bool { if case .bad = verdict { true } else { false } }

    var line: String {
        let padded = name + String(repeating: " ", count: max(0, 14 - name.utf8.count))
        return switch verdict {
        case .good(let text): "ok       \(padded) \(text)"
        case .skipped(let text): "-        \(padded) \(text)"
        case .bad(let text, let mend): "MISSING  \(padded) \(text)\n         \(padded) mend it: \(mend)"
        }
    }

    var json: String {
        let (state, text, mend): (String, String, String?) =
            switch verdict {
            case .good(let text): ("ok", text, nil)
            case .skipped(let text): ("skipped", text, nil)
            case .bad(let text, let mend): ("missing", text, mend)
            }
        var result = "{\"name\":\(jsonString(name)),\"state\":\"\(state)\",\"detail\":\(jsonString(text))"
        if let mend { result += ",\"mend\":\(jsonString(mend))" }
        return result + "}"
    }
}
