// SPDX-License-Identifier: Apache-2.0

/// The reasons why a process cannot run, in the words that people and scripts know from runc.
enum RuntimeMessage {
    /// Why a container could not be made.
    static func create(_ reason: String, arguments: [String]) -> String { translate(reason, arguments) }

    /// Why an exec could not be started.
    static func exec(_ reason: String, arguments: [String]) -> String {
        "OCI runtime exec failed: exec failed: \(translate(reason, arguments))"
    }

    private static func translate(_ reason: String, _ arguments: [String]) -> String {
        let name = arguments.first ?? ""
        let prefix = "unable to start container process: exec: \"\(name)\": "
        let reason = Specification.oneLine(reason)
        if reason.contains("not found in $PATH")
            || (reason.contains("No such file or directory") && reason.contains("exec"))
        {
            // A name with a slash is no matter of the path.
            return prefix
                + (name.contains("/")
                    ? "stat \(name): no such file or directory" : "executable file not found in $PATH")
        }
        if reason.contains("Permission denied"), reason.contains("exec") { return prefix + "permission denied" }
        return reason
    }
}
