// SPDX-License-Identifier: Apache-2.0
internal import CTransfers
internal import Glibc
internal import Seccompiler

/// What filters cost: the same work on a thread behind one and on a thread without, in turns, so that what else the
/// machine does hits both alike.
///
/// Its arguments are the files of a microVM monitor's policies, with the filters `vcpu`, `vmm`, `drives`, `vsock` and `base`.
@main
struct Main {
    private static let rounds = 601

    static func main() {
        do {
            try measure(Filters(policies: Array(CommandLine.arguments.dropFirst())))
        } catch {
            print("FilterBenchmarks: \(error)")
            exit(1)
        }
    }

    private static func measure(_ filters: Filters) throws {
        let vcpu = try filters.joined(["vcpu", "base"], first: ["ioctl", "write", "futex"])
        let calls = ["write", "epoll_wait", "read", "preadv", "getrandom", "sendmsg", "futex", "recvmsg", "pwritev"]
        let vmm = try filters.joined(["vmm", "drives", "vsock", "base"], first: calls)
        print(pad("behind a filter, \(rounds) rounds in turns", 44) + "      with    without   ratio")
        try row("exit round trip of a port write", Exits(), 500, vcpu)
        for (name, size) in [("128 KiB", 128 << 10), ("4 KiB", 4096)] {
            try row("calls of a block request of \(name)", Transfers(TRANSFERS_BLOCK, byteCount: size), 200, vmm)
        }
        for (name, size) in [("64 KiB", 64 << 10), ("4 KiB", 4096)] {
            try row("calls of a vsock packet each way, \(name)", Transfers(TRANSFERS_VSOCK, byteCount: size), 200, vmm)
        }
        print("Nanoseconds of the thread's own time for one, medians; the ratio is the median of the rounds' ratios.")
    }

    private static func row(_ name: String, _ work: any Work, _ count: Int, _ program: BPFProgram) throws {
        let result = try Turns.measure(work, count: count, rounds: rounds, behind: program)
        let ratio = Int((result.ratio * 10000).rounded())
        let fraction = String(ratio % 10000)
        print(
            pad(name, 44) + number(result.with) + " ns" + number(result.without) + " ns   "
                + "\(ratio / 10000).\(String(repeating: "0", count: 4 - fraction.count))\(fraction)")
    }

    private static func pad(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    private static func number(_ value: Double) -> String {
        let text = String(Int(value.rounded()))
        return String(repeating: " ", count: max(0, 8 - text.count)) + text
    }
}
