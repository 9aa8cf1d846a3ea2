// SPDX-License-Identifier: Apache-2.0
import Glibc
import LinuxLoader
import LinuxLoaderFDT
import Testing
import VMMemory

let dtc = "/usr/bin/dtc"

func range(_ start: UInt64, _ byteCount: UInt64) throws -> GuestRange {
    try #require(GuestRange(start: GuestAddress(start), byteCount: byteCount))
}

/// Runs the device tree compiler over a blob: another implementation of the specification.
/// - Returns: what it prints, its complaints among it.
func compile(_ blob: [UInt8], _ arguments: String) throws -> [UInt8] {
    var template = Array("/tmp/device-tree-XXXXXX".utf8CString)
    let descriptor = mkstemp(&template)
    let path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    defer {
        unlink(path)
        close(descriptor)
    }
    try #require(write(descriptor, blob, blob.count) == blob.count)
    let pipe = try #require(popen("\(dtc) -I dtb \(arguments) \(path) 2>&1", "r"))
    var output: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    while case let count = fread(&buffer, 1, buffer.count, pipe), count > 0 { output += buffer.prefix(count) }
    try #require(pclose(pipe) == 0, "\(String(decoding: output, as: UTF8.self))")
    return output
}

/// A small arm64 machine with an initrd.
func machine() throws -> DeviceTree {
    let gap = try range(0x5000_0000, 0xb000_0000)
    let map = try MemoryMap(ramByteCount: 0x5000_0000, base: GuestAddress(0x4000_0000), gaps: [gap])
    var commandLine = try CommandLine()
    try commandLine.insert("console=ttyAMA0 quiet")
    let processors = (0..<2 as Range<UInt32>).map { index in
        DeviceTreeNode(
            "cpu@\(index)",
            [
                "device_type": .string("cpu"), "compatible": .string("arm,armv8"), "enable-method": .string("psci"),
                "reg": .cell(index),
            ])
    }
    let root = DeviceTreeNode(
        "",
        [
            "compatible": .string("linux,dummy-virt"), "#address-cells": .cell(2), "#size-cells": .cell(2),
            "interrupt-parent": .cell(1), "model": .string("micro"),
        ],
        children: [
            .chosen(
                commandLine: commandLine, initrd: try range(0x4800_0000, 0x10_0000), randomSeed: [1, 2, 3],
                addressSeed: 0x1234_5678_9abc_def0, standardOutput: "/uart@9000000"),
            .memory(map),
            DeviceTreeNode("cpus", ["#address-cells": .cell(1), "#size-cells": .cell(0)], children: processors),
            DeviceTreeNode(
                "interrupt-controller@8000000",
                [
                    "compatible": .string("arm,gic-v3"), "interrupt-controller": .empty, "#interrupt-cells": .cell(3),
                    "#address-cells": .cell(0), "phandle": .cell(1),
                    "reg": .ranges([try range(0x800_0000, 0x1_0000), try range(0x80a_0000, 0xf6_0000)]),
                ]),
            DeviceTreeNode(
                "uart@9000000",
                [
                    "compatible": .strings(["arm,pl011", "arm,primecell"]), "interrupts": .cells([0, 1, 4]),
                    "reg": .ranges([try range(0x900_0000, 0x1000)]),
                ]),
        ])
    return DeviceTree(root: root, reservations: [try range(0x4000_0000, 0x1000)])
}
