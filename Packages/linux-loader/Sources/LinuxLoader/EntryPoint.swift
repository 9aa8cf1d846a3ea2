// SPDX-License-Identifier: Apache-2.0
public import VMMemory

/// Where the first virtual CPU starts and in which state, as a value that the caller turns into registers.
public enum EntryPoint: Sendable, Hashable {
    /// The PVH protocol: 32-bit protected mode, paging off, flat segments, RBX = address of `hvm_start_info`.
    case pvh32(GuestAddress)
    /// The 64-bit protocol of Documentation/arch/x86/boot.rst: long mode with paging on and an identity map over the
    /// kernel, the zero page and the command line; `__BOOT_CS` 0x10, `__BOOT_DS` 0x18, interrupts off, RSI = zero page.
    case linux64(GuestAddress)
    /// Documentation/arch/arm64/booting.rst: MMU off, interrupts masked, X0 = device tree, X1 to X3 = 0.
    case arm64(GuestAddress)
    /// Documentation/arch/riscv/boot.rst: SATP = 0, A0 = hart id, A1 = device tree.
    case riscv64(GuestAddress)

    /// The first instruction's guest physical address.
    public var address: GuestAddress {
        switch self {
        case .pvh32(let address), .linux64(let address), .arm64(let address), .riscv64(let address): address
        }
    }
}
