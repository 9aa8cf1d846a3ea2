// SPDX-License-Identifier: Apache-2.0
public import VMMemory

/// What a machine without ACPI tells its kernel about itself: a tree of nodes with properties (Devicetree
/// Specification 0.4, chapter 2). A plain value: build it, compare it, print it, then make its `blob`.
public struct DeviceTree: Equatable, Sendable {
    /// The node without a name, `/`.
    public var root: DeviceTreeNode
    /// Memory that the kernel must leave alone from its first instruction (5.3). The initrd need not be here: Linux
    /// keeps it by its properties in `/chosen`.
    public var reservations: [GuestRange]
    /// The `reg` of the processor that starts the kernel.
    public var bootProcessor: UInt32

    /// How deep nodes may lie, the root being at 1: more than any machine needs.
    public static let maximumDepth = 32
    /// The most bytes of a blob: arm64 maps so many of it (Documentation/arch/arm64/booting.rst, section 2).
    public static let maximumByteCount = 2 << 20

    /// A tree.
    /// - Parameters:
    ///   - root: its name must be empty.
    ///   - reservations: memory that the kernel must leave alone.
    ///   - bootProcessor: the `reg` of the processor that starts the kernel.
    public init(root: DeviceTreeNode, reservations: [GuestRange] = [], bootProcessor: UInt32 = 0) {
        self.root = root
        self.reservations = reservations
        self.bootProcessor = bootProcessor
    }
}
