// SPDX-License-Identifier: Apache-2.0
import Seccompiler
import SwiftletVMM

/// What the filters do, as text.
enum VerdictTable {
    private static let width = 52
    private static let header = """
        What each thread of swiftlet may ask of the kernel; all else is refused, the process ends with status 148.
        Written by its test, which holds the filters to it: UPDATE_VERDICTS=1.

          api   serves the API's clients
          vcpu  runs a guest's processor
          run   the device thread of `swiftlet run` with a drive and a command
          all   the device thread with an API and every device

        Calls by number: "yes" with any arguments, "some" with some, "-" with none. What is not listed has "-" everywhere.
        "fails" further below: the call is not made and returns an error, and the process goes on.


        """

    static func text() throws -> String {
        let programs = try Confined.allCases.map { try $0.program() }
        let policies = try Policies.filters()
        let heads = Confined.allCases.map(\.rawValue)
        var text = header + row("call", heads)
        for number in UInt32(0)..<512 {
            let calls = probes(of: number, policies)
            let cells = programs.map { program in
                let allowed = calls.count { program.run(on: $0).action == .allow }
                return allowed == 0 ? "-" : allowed == calls.count ? "yes" : "some"
            }
            if cells.contains(where: { $0 != "-" }) {
                text += row(Architecture.x86_64.syscallName(number) ?? "\(number)", cells)
            }
        }
        text += "\nCalls with arguments, among them what an attacker would try first:\n\n" + row("call", heads)
        for shape in try Shape.all() {
            text += row(shape.text, programs.map { cell($0.run(on: shape.call).action) })
        }
        return text
    }

    private static func cell(_ action: Action) -> String {
        switch action {
        case .allow: "yes"
        case .errno: "fails"
        default: "-"
        }
    }

    /// Calls with this number on which the filters' rules can differ.
    private static func probes(of number: UInt32, _ policies: [String: Filter]) -> [SystemCall] {
        [0, .max].map { SystemCall(number, Array(repeating: $0, count: 6), on: .x86_64) }
            + policies.values.flatMap(\.boundaryCalls).filter {
                $0.number == number && $0.auditValue == Architecture.x86_64.auditValue
            }
    }

    private static func row(_ name: String, _ cells: [String]) -> String {
        var line = name
        for (index, cell) in cells.enumerated() {
            let column = width + index * 6
            line += String(repeating: " ", count: max(1, column - line.utf8.count)) + cell
        }
        return line + "\n"
    }
}
