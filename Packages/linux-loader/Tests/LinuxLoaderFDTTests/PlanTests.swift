// SPDX-License-Identifier: Apache-2.0
import LinuxLoader
import LinuxLoaderFDT
import LinuxLoaderTestSupport
import Testing
import VMMemory

/// From an arm64 kernel to what its first processor finds.
@Suite struct PlanTests {
    static func plan(_ room: UInt64) throws -> (BootPlan, GuestMemory) {
        let map = try MemoryMap(ramByteCount: 64 << 20, base: GuestAddress(0x4000_0000))
        let kernel = try FlatImageBuilder.arm64().bytes.withUnsafeBytes { try Kernel(bytes: $0).contents }
        let plan = try BootPlan.deviceTree(
            kernel, map: map, initrdByteCount: 8192, deviceTreeByteCount: room)
        return (plan, try GuestMemory.anonymous(map.ramRanges))
    }

    @Test("the tree lies where the plan says, and names the plan's initrd")
    func write() throws {
        let (plan, memory) = try Self.plan(65536)
        let tree = DeviceTree(
            root: DeviceTreeNode("", children: [.chosen(commandLine: try CommandLine(), initrd: plan.initrd)]))
        try tree.write(into: memory, plan: plan)
        let blob = try tree.blob()
        var found = [UInt8](repeating: 0, count: blob.count)
        try found.withUnsafeMutableBytes { try memory.read(at: plan.parameters, into: $0) }
        #expect(found == blob)
        #expect(tree.root.children[0]["linux,initrd-end"] == .wideCells([try #require(plan.initrd).end.rawValue]))
    }

    @Test("a tree larger than the planned room is refused, and memory stays as it was")
    func tooLarge() throws {
        let (plan, memory) = try Self.plan(64)
        #expect(throws: DeviceTreeWriteError.tree(.tooLarge(capacity: 64))) {
            try DeviceTree(root: DeviceTreeNode("")).write(into: memory, plan: plan)
        }
        #expect(try memory.load(UInt32.self, at: plan.parameters) == 0)
    }

    @Test("memory that the plan was not made for is an error")
    func otherMemory() throws {
        let (plan, _) = try Self.plan(65536)
        let memory = try GuestMemory.anonymous([range(0, 4096)])
        #expect {
            try DeviceTree(root: DeviceTreeNode("")).write(into: memory, plan: plan)
        } throws: { error in
            if case DeviceTreeWriteError.memory = error { true } else { false }
        }
    }
}
