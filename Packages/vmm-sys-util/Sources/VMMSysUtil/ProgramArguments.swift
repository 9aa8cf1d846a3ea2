// SPDX-License-Identifier: Apache-2.0
internal import CVMMSysUtil

/// The program's arguments, its own name first.
///
/// `CommandLine.arguments` reads them from `/proc/self/cmdline`, and is empty in a jail without `/proc`. These are what the
/// C library handed to the program at its start.
public enum ProgramArguments {
    /// All of them; bytes that are no UTF-8 are replaced.
    public static var all: [String] {
        var arguments: [String] = []
        var index: Int32 = 0
        while let argument = vmm_program_argument(index) {
            arguments.append(String(cString: argument))
            index += 1
        }
        return arguments
    }
}
