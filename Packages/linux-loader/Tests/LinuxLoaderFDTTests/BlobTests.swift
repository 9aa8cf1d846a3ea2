// SPDX-License-Identifier: Apache-2.0
import Glibc
import LinuxLoader
import LinuxLoaderFDT
import Testing

@Suite struct BlobTests {
    @Test("a machine's tree is what another implementation reads, without a warning")
    func readByAnother() throws {
        let source = String(decoding: try compile(machine().blob(), "-O dts"), as: UTF8.self)
        // Some versions of dtc show a list of texts as one with NULs in it.
        let text = source.replacing(#"\0"#, with: #"", ""#).replacing("\t", with: "    ")
        #expect(text.replacing("memreserve/    ", with: "memreserve/ ") == Self.source + "\n")
    }

    @Test("random trees come back, and another implementation takes them too", arguments: 0..<20 as Range<UInt64>)
    func randomTrees(seed: UInt64) throws {
        var random = Random(state: seed)
        let root = random.node("", depth: 1)
        let blob = try DeviceTree(root: root).blob()
        #expect(try Reader.root(of: blob) == root)
        #expect(try Reader.root(of: compile(blob, "-q -q -O dtb")) == root)
    }

    @Test("numbers are big-endian, and a text ends with a NUL")
    func values() throws {
        let node = DeviceTreeNode(
            "", ["a": .cells([0x0102_0304, 5]), "b": .wideCells([0x0102_0304_0506_0708]), "c": .strings(["x", ""])])
        let bytes = DeviceTreeNode(
            "",
            [
                "a": .bytes([1, 2, 3, 4, 0, 0, 0, 5]), "b": .bytes([1, 2, 3, 4, 5, 6, 7, 8]),
                "c": .bytes([0x78, 0, 0]),
            ])
        #expect(try Reader.root(of: DeviceTree(root: node).blob()) == bytes)
    }

    @Test("the processor that boots is in the header")
    func bootProcessor() throws {
        let blob = try DeviceTree(root: DeviceTreeNode(""), bootProcessor: 0x0102_0304).blob()
        #expect(Array(blob[28..<32]) == [1, 2, 3, 4])
    }

    @Test("an empty tree is header, end of reservations and three tokens")
    func emptyTree() throws {
        // The header's 40 bytes are padded to 48.
        #expect(try DeviceTree(root: DeviceTreeNode("")).blob().count == 48 + 16 + 16)
    }

    @Test("a tree that does not fit is refused, one that just fits is not")
    func capacity() throws {
        let tree = try machine()
        // libfdt writes from both ends of the buffer and needs no byte more than the result has.
        let size = try tree.blob().count
        #expect(try tree.blob(capacity: size).count == size)
        #expect(throws: DeviceTreeError.tooLarge(capacity: size - 1)) { try tree.blob(capacity: size - 1) }
        #expect(throws: DeviceTreeError.tooLarge(capacity: 0)) { try tree.blob(capacity: -1) }
        let large = DeviceTree(root: DeviceTreeNode("", ["x": .bytes(Array(repeating: 1, count: 3 << 20))]))
        #expect(throws: DeviceTreeError.tooLarge(capacity: 2 << 20)) { try large.blob(capacity: .max) }
    }

    /// What `dtc` makes of `machine()`.
    static let source = """
        /dts-v1/;

        /memreserve/ 0x0000000040000000 0x0000000000001000;
        / {
            compatible = "linux,dummy-virt";
            #address-cells = <0x02>;
            #size-cells = <0x02>;
            interrupt-parent = <0x01>;
            model = "micro";

            chosen {
                bootargs = "console=ttyAMA0 quiet";
                linux,initrd-start = <0x00 0x48000000>;
                linux,initrd-end = <0x00 0x48100000>;
                rng-seed = [01 02 03];
                kaslr-seed = <0x12345678 0x9abcdef0>;
                stdout-path = "/uart@9000000";
            };

            memory@40000000 {
                device_type = "memory";
                reg = <0x00 0x40000000 0x00 0x10000000 0x01 0x00 0x00 0x40000000>;
            };

            cpus {
                #address-cells = <0x01>;
                #size-cells = <0x00>;

                cpu@0 {
                    device_type = "cpu";
                    compatible = "arm,armv8";
                    enable-method = "psci";
                    reg = <0x00>;
                };

                cpu@1 {
                    device_type = "cpu";
                    compatible = "arm,armv8";
                    enable-method = "psci";
                    reg = <0x01>;
                };
            };

            interrupt-controller@8000000 {
                compatible = "arm,gic-v3";
                interrupt-controller;
                #interrupt-cells = <0x03>;
                #address-cells = <0x00>;
                phandle = <0x01>;
                reg = <0x00 0x8000000 0x00 0x10000 0x00 0x80a0000 0x00 0xf60000>;
            };

            uart@9000000 {
                compatible = "arm,pl011", "arm,primecell";
                interrupts = <0x00 0x01 0x04>;
                reg = <0x00 0x9000000 0x00 0x1000>;
            };
        };
        """
}

/// SplitMix64, and trees of it.
private struct Random {
    var state: UInt64

    mutating func next(below bound: UInt64) -> Int {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = (state ^ (state >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return Int((mixed ^ (mixed >> 31)) % bound)
    }

    mutating func node(_ name: String, depth: Int) -> DeviceTreeNode {
        var node = DeviceTreeNode(name)
        for index in 0..<next(below: 5) { node["p\(index),\(next(below: 9))"] = value() }
        // Two children on average, and from the fifth level on a half: so a tree has an end.
        for index in 0..<next(below: depth < 5 ? 5 : 2) where depth < DeviceTree.maximumDepth {
            node.children.append(self.node("n\(index)@\(index)", depth: depth + 1))
        }
        return node
    }

    private mutating func value() -> DeviceTreeValue {
        let count = next(below: 9)
        return count == 0 ? .empty : .bytes((0..<count).map { _ in UInt8(next(below: 256)) })
    }
}
