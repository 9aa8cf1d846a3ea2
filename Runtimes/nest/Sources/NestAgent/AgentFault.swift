// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import VMMSysUtil

/// A death by order of the kernel's command line, for tests of what dies where. Without that word nothing is ever struck.
public struct AgentFault: Equatable, Sendable {
    /// Who dies.
    public enum Victim: String, Sendable {
        /// The agent, and so the machine.
        case agent
        /// The crun that the agent runs.
        case crun
    }

    /// Who dies.
    public var victim: Victim
    /// At which of the agent's calls, or of crun's commands.
    public var call: String
    /// How many milliseconds after its begin.
    public var delay: UInt16

    /// From `VICTIM:CALL` or `VICTIM:CALL:MILLISECONDS`; nil for anything else.
    public init?(word: String) {
        let parts = word.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard (2...3).contains(parts.count), let victim = Victim(rawValue: parts[0]), !parts[1].isEmpty,
            let delay = parts.count == 3 ? UInt16(parts[2]) : 0
        else { return nil }
        self.victim = victim
        call = parts[1]
        self.delay = delay
    }

    /// Strikes if this is the victim and the call. The call goes on meanwhile.
    func reach(_ victim: Victim, _ call: String, _ strike: @escaping @Sendable () -> Void) {
        guard victim == self.victim, call == self.call else { return }
        guard delay > 0 else { return strike() }
        let delay = self.delay
        _ = try? Thread(name: "fault", stackByteCount: 128 << 10) {
            usleep(UInt32(delay) * 1000)
            strike()
        }
    }
}
