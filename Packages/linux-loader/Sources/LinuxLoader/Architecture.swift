// SPDX-License-Identifier: Apache-2.0

/// The processor a kernel image was built for. Any host can read and place any of them.
public enum Architecture: String, Sendable, Hashable, CaseIterable, CustomStringConvertible {
    /// AMD64 and Intel 64.
    case x86_64
    /// 64-bit Arm, little endian.
    case arm64
    /// 64-bit RISC-V, little endian.
    case riscv64

    /// The name as users write it.
    public var description: String { rawValue }
}
