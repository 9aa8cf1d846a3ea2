// SPDX-License-Identifier: Apache-2.0
public import LinuxLoader
internal import LinuxLoaderCompression
internal import VMMemory

/// Parses, unpacks, plans and loads any bytes as a kernel. It returns or throws nothing: a trap or a sanitizer's report
/// is the finding.
///
/// Work is bounded: at most 16 MiB are unpacked, into 64 MiB of guest memory of which only what is written is populated.
public func fuzzKernelImage(_ bytes: UnsafeRawBufferPointer) {
    _ = try? openFuzzedKernel(bytes, decompressor: nil)
    _ = try? openFuzzedKernel(bytes, decompressor: KernelDecompressor())
}

/// What `fuzzKernelImage` does with one decompressor, with its error.
public func openFuzzedKernel(_ bytes: UnsafeRawBufferPointer, decompressor: (any Decompressor)?) throws {
    let limits = KernelLimits(unpackedByteCount: 16 << 20)
    let kernel = try Kernel(bytes: bytes, decompressor: decompressor, limits: limits)
    let map = try MemoryMap.pc(ramByteCount: 64 << 20)
    let memory = try GuestMemory.anonymous(map.ramRanges)
    if kernel.contents.architecture == .x86_64 {
        for entry in [BootOptions.Entry.automatic, .pvh, .linux64] {
            var options = BootOptions()
            options.entry = entry
            // A seed of its own size keeps a finding reproducible from its bytes alone.
            var generator = SplitMix64(seed: UInt64(bytes.count))
            guard
                let plan = try? BootPlan.x86(
                    kernel.contents, map: map, commandLine: CommandLine(parsing: "quiet"), initrdByteCount: 4096,
                    options: options, using: &generator)
            else { continue }
            try? kernel.load(plan, into: memory)
        }
    } else {
        let plan = try BootPlan.deviceTree(
            kernel.contents, map: map, initrdByteCount: 4096, deviceTreeByteCount: 4096)
        try kernel.load(plan, into: memory)
    }
}
