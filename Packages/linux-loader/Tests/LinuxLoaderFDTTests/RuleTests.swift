// SPDX-License-Identifier: Apache-2.0
import LinuxLoaderFDT
import Testing
import VMMemory

/// The rules of Devicetree Specification 0.4, chapter 2, on names and handles.
@Suite struct RuleTests {
    static func tree(_ children: [DeviceTreeNode]) -> DeviceTree {
        DeviceTree(root: DeviceTreeNode("", children: children))
    }

    @Test(
        "a node's name begins with a letter, has 1 to 31 characters, and perhaps one address",
        arguments: [
            "a", "Cpu@0", "pci@10000000,1", "a,b._+-9", "x@" + String(repeating: "f", count: 64),
            String(repeating: "n", count: 31),
        ])
    func goodName(_ name: String) throws {
        _ = try Self.tree([DeviceTreeNode(name)]).blob()
    }

    @Test(
        "any other name of a node is refused",
        arguments: [
            "", "9a", "@0", "a@", "a@0@0", "a b", "a/b", "a#", "ä", "a\0", "x@" + String(repeating: "f", count: 65),
            String(repeating: "n", count: 32),
        ])
    func badName(_ name: String) {
        #expect(throws: DeviceTreeError.nodeName(path: "/soc/" + name)) {
            try Self.tree([DeviceTreeNode("soc", children: [DeviceTreeNode(name)])]).blob()
        }
    }

    @Test("the root has no name")
    func rootName() {
        #expect(throws: DeviceTreeError.nodeName(path: "/x")) { try DeviceTree(root: DeviceTreeNode("x")).blob() }
    }

    @Test("a property's name has 1 to 31 characters of its own set", arguments: ["", "a@b", "a b", "ü", "n\0"])
    func propertyName(_ name: String) {
        #expect(throws: DeviceTreeError.propertyName(path: "/", name)) {
            try DeviceTree(root: DeviceTreeNode("", [name: .empty])).blob()
        }
    }

    @Test("siblings and properties have different names; cousins may share one")
    func duplicates() throws {
        #expect(throws: DeviceTreeError.duplicateNode(path: "/a")) {
            try Self.tree([DeviceTreeNode("a"), DeviceTreeNode("a")]).blob()
        }
        #expect(throws: DeviceTreeError.duplicateProperty(path: "/a", "reg")) {
            try Self.tree([DeviceTreeNode("a", ["reg": .empty, "reg": .cell(1)])]).blob()
        }
        let cousins = ["a", "b"].map { DeviceTreeNode($0, children: [DeviceTreeNode("c", ["reg": .empty])]) }
        _ = try Self.tree(cousins).blob()
    }

    @Test("a phandle is one cell, neither 0 nor all ones, and one node's only")
    func handles() {
        for value in [.empty, .cell(0), .cell(.max), .cells([1, 2]), .string("1")] as [DeviceTreeValue] {
            #expect(throws: DeviceTreeError.handle(path: "/a")) {
                try Self.tree([DeviceTreeNode("a", ["phandle": value])]).blob()
            }
        }
        let two = ["a", "b"].map { DeviceTreeNode($0, ["phandle": .cell(7)]) }
        #expect(throws: DeviceTreeError.duplicateHandle(path: "/b", 7)) { try Self.tree(two).blob() }
    }

    @Test("a text has no NUL inside, a reservation has bytes, and depth has an end")
    func others() throws {
        #expect(throws: DeviceTreeError.nulInString(path: "/a", "model")) {
            try Self.tree([DeviceTreeNode("a", ["model": .string("x\0y")])]).blob()
        }
        let none = try #require(GuestRange(start: GuestAddress(4096), byteCount: 0))
        #expect(throws: DeviceTreeError.emptyReservation(GuestAddress(4096))) {
            try DeviceTree(root: DeviceTreeNode(""), reservations: [none]).blob()
        }
        var node = DeviceTreeNode("n")
        for _ in 2..<DeviceTree.maximumDepth { node = DeviceTreeNode("n", children: [node]) }
        _ = try Self.tree([node]).blob()
        let path = String(repeating: "/n", count: DeviceTree.maximumDepth)
        #expect(throws: DeviceTreeError.tooDeep(path: path)) {
            try Self.tree([DeviceTreeNode("n", children: [node])]).blob()
        }
    }

    @Test("setting a property replaces it in its place, and nil takes it away")
    func setting() {
        var node = DeviceTreeNode("a", ["x": .empty, "y": .empty])
        node["x"] = .cell(1)
        node["z"] = .cell(2)
        node["y"] = nil
        #expect(node == DeviceTreeNode("a", ["x": .cell(1), "z": .cell(2)]))
        #expect(node["x"] == .cell(1))
        #expect(node["y"] == nil)
    }
}
