// SPDX-License-Identifier: Apache-2.0
internal import VirtioQueue
internal import VirtioQueueTestSupport

/// Prints the table: each figure beside the same work in C, with the same checks, in the same run. With an argument, the
/// rows alone whose names begin with it.
@main
struct Main {
    static func main() throws {
        try Agreement.check()
        print(pad("virtio-queue, queue of 256, packed of 128", 44) + "      ours         C  ratio  allocations")
        let part = CommandLine.arguments.dropFirst().first
        for scenario in Scenario.all where scenario.name.hasPrefix(part ?? "") {
            let outcome = try measure(scenario, rounds: 31)
            print(
                pad(scenario.name, 44) + number(outcome.ours) + " ns" + number(outcome.baseline) + " ns"
                    + number(outcome.ratio, width: 7) + "  " + String(outcome.allocations))
        }
        print("Time for all 128 descriptors; the median of 31 rounds, taken in turns. Ratio: the median of ratios.")
    }

    private static func pad(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    private static func number(_ value: Double, width: Int = 9) -> String {
        let hundredths = Int((value * 100).rounded())
        let fraction = hundredths % 100
        let text = "\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction)"
        return String(repeating: " ", count: max(0, width - text.count)) + text
    }
}
