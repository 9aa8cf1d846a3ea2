// SPDX-License-Identifier: Apache-2.0

/// Who may import whom: the drawing in docs/architecture.md, as a table. A target imports the modules of its row, its own C
/// module, and `systemModules`; nothing else.
///
/// A new target is a new row. A longer row is a decision about the architecture: say why in the commit.
public enum Layers {
    /// Modules that any target may import.
    public static let systemModules: Set<String> = ["Swift", "Glibc", "Synchronization"]

    /// The modules of this repository that each target may import.
    public static let allowed: [String: Set<String>] = [
        // Leaves: they know nothing of ours but descriptors and errno.
        "VMMSysUtil": [],
        "KVMIoctls": ["VMMSysUtil"],
        "EventManager": ["VMMSysUtil"],
        "VMSuperIO": ["VMMSysUtil"],
        "VMSuperIOTestSupport": ["VMSuperIO"],
        "ACPITables": [],
        // What puts filters on needs no library; the one that compiles them is apart.
        "SeccompilerBPF": ["VMMSysUtil"],
        "Seccompiler": ["SeccompilerBPF", "VMMSysUtil", "CSeccomp"],
        "SeccompilerCommand": ["Seccompiler", "VMMSysUtil"],
        "SeccompilerProgram": ["SeccompilerCommand"],
        "SeccompilerFilters": ["Seccompiler", "VMMSysUtil"],
        "SeccompilerTestSupport": ["Seccompiler", "CSeccompilerProbe", "VMMSysUtil"],

        "VMMemory": ["VMMSysUtil"],
        "VMMemoryTestSupport": ["VMMemory", "VMMSysUtil"],

        // The loader knows memory and no library; what unpacks kernels is a product of its own.
        "LinuxLoader": ["VMMemory", "VMMSysUtil"],
        "LinuxLoaderCompression": ["LinuxLoader", "CLZ4", "CZlib", "CLZMA", "CZstd"],
        "LinuxLoaderFDT": ["LinuxLoader", "VMMemory", "CFDT"],
        "LinuxLoaderTestSupport": ["LinuxLoader", "LinuxLoaderCompression", "VMMemory", "VMMSysUtil"],

        // Devices know guest memory, queues, an interrupt and descriptors: never KVM, never each other.
        "VirtioQueue": ["VMMemory", "VMMSysUtil"],
        "VirtioModel": ["VirtioQueue", "VMMemory", "VMMSysUtil"],
        "VirtioQueueTestSupport": ["VirtioQueue", "VirtioModel", "VMMemory", "VMMSysUtil"],
        "VirtioDevices": ["VirtioModel", "VirtioQueue", "VMMemory", "VMMSysUtil"],
        "VirtioDevicesTestSupport": [
            "VirtioDevices", "VirtioModel", "VirtioQueue", "VirtioQueueTestSupport", "VMMemory", "VMMSysUtil",
        ],

        "Vsock": ["VirtioModel", "VirtioQueue", "VMMemory", "VMMSysUtil"],
        "VsockTestSupport": [
            "Vsock", "VirtioModel", "VirtioQueue", "VirtioQueueTestSupport", "VMMemory", "VMMSysUtil",
        ],

        // The only place where KVM, devices and boot meet.
        "SwiftletVMM": [
            "ACPITables", "EventManager", "KVMIoctls", "LinuxLoader", "LinuxLoaderCompression", "VirtioDevices",
            "VirtioModel", "VirtioQueue", "VMMemory", "VMMSysUtil", "VMSuperIO", "Vsock", "CJansson",
            // Puts filters on that were compiled before: no compiler, no libseccomp.
            "SeccompilerBPF",
        ],
        "SwiftletTestSupport": ["SwiftletVMM"],
        "swiftlet": ["SwiftletVMM", "VirtioDevices", "VMMSysUtil"],
        // Runs in the guest.
        "GuestInit": [],

        "TTRPC": ["VMMSysUtil"],
        "TTRPCTestSupport": ["TTRPC", "VMMSysUtil"],

        // The container runtime drives a VMM over a socket and never links one. Generated wire types stop at the shim
        // and the agent.
        "NestProtocols": ["SwiftProtobuf", "TTRPC"],
        "NestModel": [],
        // Of both sides: filters of system calls, and what starts programs outside of them.
        "NestSandbox": ["SeccompilerBPF", "VMMSysUtil"],
        "NestResources": ["NestModel", "NestSandbox", "VMMSysUtil"],
        "NestHypervisor": ["CNestJail", "NestModel", "NestResources", "NestSandbox", "VMMSysUtil"],
        "NestShim": [
            "NestHypervisor", "NestModel", "NestProtocols", "NestResources", "NestSandbox", "SwiftProtobuf", "TTRPC",
            "VMMSysUtil",
        ],
        "containerd-shim-nest-v2": ["NestShim"],
        "NestAgent": ["NestProtocols", "NestSandbox", "SwiftProtobuf", "TTRPC", "VMMSysUtil"],
        "nest-agent": ["NestAgent"],
        "nest": ["ArgumentParser", "NestModel", "NestResources", "VMMSysUtil"],
        "NestTestSupport": [
            "NestAgent", "NestHypervisor", "NestProtocols", "NestResources", "NestShim", "SwiftProtobuf", "TTRPC",
            "TTRPCTestSupport", "VMMSysUtil",
        ],
    ]

    /// What a target imports that it may not.
    public static func findings(in source: SwiftSource, target: String) -> [Finding] {
        guard let row = allowed[target] else {
            return [
                Finding(source.path, "target \(target) has no row: add one to Tests/Tidy/Sources/Tidy/Layers.swift")
            ]
        }
        let own = "C" + target
        var findings: [Finding] = []
        for (line, module) in imports(of: source) {
            if row.contains(module) || systemModules.contains(module) || module == own { continue }
            let instead =
                module.hasPrefix("Foundation")
                ? "packages and runtimes link no Foundation: use Glibc or VMMSysUtil"
                : "\(target) may import \(row.sorted().joined(separator: ", ")): take a protocol or a value from the caller"
            findings.append(Finding(source.path, line: line, "imports \(module); \(instead)"))
        }
        return findings
    }

    /// The modules that a file imports, with the lines.
    public static func imports(of source: SwiftSource) -> [(line: Int, module: String)] {
        source.code.enumerated().compactMap { index, line in importedModule(line).map { (index + 1, $0) } }
    }

    /// The module of an `import` line, without a submodule or the kind of a single declaration.
    static func importedModule(_ line: Substring) -> String? {
        let words = line.split(separator: " ")
        guard let position = words.firstIndex(of: "import"), position + 1 < words.count else { return nil }
        let isImport = words[..<position].allSatisfy {
            $0.hasPrefix("@") || ["public", "package", "internal", "fileprivate", "private"].contains($0)
        }
        guard isImport else { return nil }
        var name = words[position + 1]
        if ["struct", "class", "enum", "protocol", "func", "var", "let", "typealias"].contains(name) {
            guard position + 2 < words.count else { return nil }
            name = words[position + 2]
        }
        return name.split(separator: ".").first.map(String.init)
    }
}
