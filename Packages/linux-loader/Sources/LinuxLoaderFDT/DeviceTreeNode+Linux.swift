// SPDX-License-Identifier: Apache-2.0
public import LinuxLoader
public import VMMemory

extension DeviceTreeNode {
    /// `/chosen`: what the loader has to say (Devicetree Specification 0.4, 3.6; the names with `linux,` and `rng-seed`
    /// are those of dt-schema's chosen.yaml).
    /// - Parameters:
    ///   - commandLine: what the kernel finds in `/proc/cmdline`.
    ///   - initrd: from the boot plan.
    ///   - randomSeed: bytes for the kernel's random number generator; from the host's, anew for each boot.
    ///   - addressSeed: for KASLR; the same.
    ///   - standardOutput: the path of the console's node, as in `/uart@9000000`.
    public static func chosen(
        commandLine: CommandLine, initrd: GuestRange? = nil, randomSeed: [UInt8] = [], addressSeed: UInt64? = nil,
        standardOutput: String? = nil
    ) -> DeviceTreeNode {
        var node = DeviceTreeNode("chosen", ["bootargs": .string(commandLine.description)])
        if let initrd {
            node["linux,initrd-start"] = .wideCells([initrd.start.rawValue])
            node["linux,initrd-end"] = .wideCells([initrd.end.rawValue])
        }
        if !randomSeed.isEmpty { node["rng-seed"] = .bytes(randomSeed) }
        if let addressSeed { node["kaslr-seed"] = .wideCells([addressSeed]) }
        if let standardOutput { node["stdout-path"] = .string(standardOutput) }
        return node
    }

    /// `/memory@...`: all usable memory of a map (3.4). The root must have `#address-cells` and `#size-cells` of 2.
    public static func memory(_ map: MemoryMap) -> DeviceTreeNode {
        let start = map.ramRanges.first?.start.rawValue ?? 0
        return DeviceTreeNode(
            "memory@" + String(start, radix: 16), ["device_type": .string("memory"), "reg": .ranges(map.ramRanges)])
    }
}
