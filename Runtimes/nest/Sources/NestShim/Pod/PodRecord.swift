// SPDX-License-Identifier: Apache-2.0
internal import VMMSysUtil

/// What a pod has on the host, written down as it comes to be, so that `delete` can clean up after a shim that was killed.
///
/// A file of lines, a word and its value each, written whole or not at all.
struct PodRecord: Equatable, Sendable {
    /// The shim itself.
    var shim: HostProcess?
    /// The VMM.
    var machine: HostProcess?
    /// The shim's socket.
    var socketPath = ""
    /// The cgroup, as the specification names it.
    var cgroupPath = ""
    /// The writable layer, until the VMM has it open.
    var scratchPath = ""
    /// The containers' names.
    var containers: [String] = []

    /// The pod's directory on the host, for what a bundle cannot hold.
    static func path(in directory: String) -> String { "\(directory)/pod" }

    /// The name of the file in a bundle that tells where the pod's directory is.
    static let bundleFile = "nest-directory"

    func save(in directory: String) throws(Errno) {
        var lines: [String] = []
        if let shim { lines.append("shim \(shim.id) \(shim.startTime)") }
        if let machine { lines.append("vmm \(machine.id) \(machine.startTime)") }
        lines += ["socket \(socketPath)", "cgroup \(cgroupPath)", "scratch \(scratchPath)"]
        lines += containers.map { "container \($0)" }
        try Files.writeAtomically(lines.joined(separator: "\n") + "\n", to: Self.path(in: directory))
    }

    /// Reads a record; nil if there is none.
    init?(directory: String) {
        guard let text = Files.text(Self.path(in: directory)) else { return nil }
        self.init(text: text)
    }

    init() {}

    init(text: String) {
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ", maxSplits: 1).map(String.init)
            guard words.count == 2 else { continue }
            switch words[0] {
            case "shim": shim = Self.process(words[1])
            case "vmm": machine = Self.process(words[1])
            case "socket": socketPath = words[1]
            case "cgroup": cgroupPath = words[1]
            case "scratch": scratchPath = words[1]
            case "container": containers.append(words[1])
            default: continue
            }
        }
    }

    private static func process(_ text: String) -> HostProcess? {
        let numbers = text.split(separator: " ").compactMap { UInt64($0) }
        guard numbers.count == 2, let id = Int32(exactly: numbers[0]), id > 1 else { return nil }
        return HostProcess(id: id, startTime: numbers[1])
    }
}
