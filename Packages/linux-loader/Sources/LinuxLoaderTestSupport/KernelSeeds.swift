// SPDX-License-Identifier: Apache-2.0
public import LinuxLoader

/// Small valid kernels of every shape, the seeds of the fuzzer's corpus.
public enum KernelSeeds {
    /// A seed's file name and bytes.
    public struct Seed: Sendable {
        /// The name in `Corpus/kernel-image`.
        public let name: String
        /// The file.
        public let bytes: [UInt8]
    }

    /// A kernel with a BSS, PVH note and relocations of every kind.
    public static let vmlinux: [UInt8] = {
        var code = ImageBytes(count: 0x60)
        code.set(0xffff_ffff_8100_0020 as UInt64, at: 0)
        code.set(0x8100_0030 as UInt32, at: 16)
        var builder = ELFBuilder(segments: [
            .init(address: 0x100_0000, bytes: code.bytes, memoryByteCount: 0x1000),
            .init(address: 0x120_0000, bytes: [1, 2, 3, 4, 5, 6, 7, 8]),
        ])
        builder.notes = ELFBuilder.note(name: "Linux", type: 257, descriptor: [1]) + ELFBuilder.pvhNote(0x100_0040)
        builder.relocations = [0, 0x8100_0000, 0x8120_0000, 0, 0x8100_0008, 0, 0x8100_0010]
        return builder.build().bytes
    }()

    /// A bzImage around `vmlinux`.
    public static func bzImage(_ compression: Compression) -> [UInt8]? {
        guard let payload = StoredPacker.pack(vmlinux, as: compression) else { return nil }
        let size = compression == .gzip ? nil : UInt32(vmlinux.count)
        return BzImageBuilder(payload: payload, unpackedByteCount: size).build().bytes
    }

    /// All of them.
    public static let all: [Seed] = {
        var seeds = [
            Seed(name: "elf-relocatable", bytes: vmlinux),
            Seed(name: "elf-plain", bytes: ELFBuilder().build().bytes),
            Seed(name: "arm64-image", bytes: FlatImageBuilder.arm64(byteCount: 128).bytes),
            Seed(name: "riscv64-image", bytes: FlatImageBuilder.riscv64(byteCount: 128).bytes),
            Seed(name: "bzimage-elf", bytes: BzImageBuilder(payload: vmlinux, unpackedByteCount: nil).build().bytes),
        ]
        for compression in Compression.allCases {
            if let bytes = bzImage(compression) { seeds.append(Seed(name: "bzimage-\(compression)", bytes: bytes)) }
            if let bytes = StoredPacker.pack(FlatImageBuilder.arm64(byteCount: 128).bytes, as: compression) {
                seeds.append(Seed(name: "image-\(compression)", bytes: bytes))
            }
        }
        var twoGroups = ELFBuilder()
        twoGroups.relocations = [0, 0x8100_0000, 0, 0x8100_0010]
        seeds.append(Seed(name: "elf-relocatable-two-groups", bytes: twoGroups.build().bytes))
        var arm = ELFBuilder()
        arm.machine = 183
        seeds.append(Seed(name: "elf-arm64", bytes: arm.build().bytes))
        return seeds
    }()

    /// Kernels that break one rule each, so that the fuzzer starts on both sides of it.
    public static let hostile: [Seed] = {
        func spoilt(_ name: String, _ bytes: [UInt8], _ spoil: (inout ImageBytes) -> Void) -> Seed {
            var file = ImageBytes(bytes)
            spoil(&file)
            return Seed(name: "bad-\(name)", bytes: file.bytes)
        }
        let table = vmlinux.count - 28
        let packed = bzImage(.lz4Legacy) ?? []
        return [
            spoilt("relocation-outside", vmlinux) { $0.set(0x8100_005d as UInt32, at: table + 4) },
            spoilt("relocation-groups", vmlinux) { $0.set(0 as UInt32, at: table + 4) },
            spoilt("segment-memory-huge", vmlinux) { $0.set(UInt64.max >> 1, at: ELFBuilder.programHeader(0) + 40) },
            spoilt("segment-low", vmlinux) { $0.set(0x7000 as UInt64, at: ELFBuilder.programHeader(0) + 24) },
            spoilt("header-count", vmlinux) { $0.set(UInt16.max, at: 56) },
            spoilt("init-size", packed) { $0.set(UInt32.max, at: 0x260) },
            Seed(
                name: "bad-unpacked-size",
                bytes: BzImageBuilder(
                    payload: StoredPacker.pack(vmlinux, as: .lz4Legacy) ?? [], unpackedByteCount: 16 << 20
                ).build().bytes),
            spoilt("setup-sectors", packed) { $0.set(UInt8.max, at: 0x1f1) },
            spoilt("image-size", FlatImageBuilder.arm64(byteCount: 128).bytes) { $0.set(1 << 39 as UInt64, at: 16) },
        ]
    }()
}
