// SPDX-License-Identifier: Apache-2.0
public import Seccompiler

/// What the filters of a program's threads do, as a text to be read and to be held to.
public struct VerdictTable {
    private static let width = 52

    private let header: String
    private let threads: [(name: String, program: BPFProgram)]
    /// Calls on which the filters' rules can differ, by number.
    private let edges: [UInt32: [SystemCall]]
    private let shapes: [SystemCallShape]

    /// A table.
    ///
    /// - Parameters:
    ///   - header: what stands above it.
    ///   - threads: the columns; names of at most five letters fit.
    ///   - policies: what the programs were compiled from; tells on which arguments they can differ.
    ///   - shapes: calls with arguments that matter.
    public init(
        header: String, threads: [(name: String, program: BPFProgram)], policies: [Filter], shapes: [SystemCallShape]
    ) {
        self.header = header
        self.threads = threads
        edges = Dictionary(
            grouping: policies.flatMap(\.boundaryCalls).filter { $0.auditValue == Architecture.x86_64.auditValue },
            by: \.number)
        self.shapes = shapes
    }

    /// All of it. Of calls by number those that no thread may make are left out.
    public var text: String {
        let heads = threads.map(\.name)
        var text = header + row("call", heads)
        for number in UInt32(0)..<512 {
            let calls =
                [0, .max].map { SystemCall(number, Array(repeating: $0, count: 6), on: .x86_64) }
                + edges[number, default: []]
            let cells = threads.map { thread in
                let allowed = calls.count { thread.program.run(on: $0).action == .allow }
                return allowed == 0 ? "-" : allowed == calls.count ? "yes" : "some"
            }
            if cells.contains(where: { $0 != "-" }) {
                text += row(Architecture.x86_64.syscallName(number) ?? "\(number)", cells)
            }
        }
        text += "\nCalls with arguments, among them what an attacker would try first:\n\n" + row("call", heads)
        for shape in shapes {
            text += row(shape.text, threads.map { Self.cell($0.program.run(on: shape.call).action) })
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

    private func row(_ name: String, _ cells: [String]) -> String {
        var line = name
        for (index, cell) in cells.enumerated() {
            let column = Self.width + index * 6
            line += String(repeating: " ", count: max(1, column - line.utf8.count)) + cell
        }
        return line + "\n"
    }
}
