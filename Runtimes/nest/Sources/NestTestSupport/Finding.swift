// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// A rule is broken: ends the process, so that the fuzzer keeps the input.
func finding(_ text: String) -> Never {
    print("finding: \(text)")
    fflush(nil)
    abort()
}

/// What a client or a log is told must be one line that a terminal can show.
func checkLine(_ line: String, byteLimit: Int) {
    if line.isEmpty { finding("a reason that says nothing") }
    if line.utf8.count > byteLimit { finding("a line of \(line.utf8.count) bytes") }
    for scalar in line.unicodeScalars where scalar.properties.generalCategory == .control {
        finding("a line with the control character \(scalar.value)")
    }
}
