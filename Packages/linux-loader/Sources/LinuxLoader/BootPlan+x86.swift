// SPDX-License-Identifier: Apache-2.0
internal import VMMemory

extension BootPlan {
    /// Plans the boot of an x86_64 kernel.
    ///
    /// - Parameters:
    ///   - kernel: an ELF or a bzImage.
    ///   - map: the machine's memory; its e820 goes to the guest.
    ///   - commandLine: what the guest finds in `/proc/cmdline`.
    ///   - initrdByteCount: the initrd's size; nil for none.
    ///   - options: the entry, the places of small structures, and whether KASLR is on.
    ///   - generator: the entropy for KASLR. It must be unpredictable to the guest.
    public static func x86(
        _ kernel: KernelContents, map: MemoryMap, commandLine: CommandLine, initrdByteCount: UInt64? = nil,
        options: BootOptions = BootOptions(), using generator: inout some RandomNumberGenerator
    ) throws(BootPlanError) -> BootPlan {
        guard kernel.architecture == .x86_64 else { throw .architecture(kernel.architecture) }
        let text = try render(commandLine, limit: kernel.setupHeader?.commandLineByteCount ?? 2047)
        let image = try X86Placement(kernel, options: options)
        var claims = Claims(map, reserved: options.reserved)
        try claims.claim(.kernel, image.range, at: image.range.start)
        try checkReach(kernel, [image.range.end, options.layout.commandLine])
        let relocation = chooseBase(kernel, image, commandLine: commandLine, options: options, using: &generator)
        let entryPoint = try image.entryPoint(options.entry, isRelocated: relocation != nil)
        let layout = options.layout
        try claims.claim(
            .commandLine, GuestRange(start: layout.commandLine, byteCount: UInt64(text.count)), at: layout.commandLine)
        var structures = [Structure(part: .commandLine, address: layout.commandLine, bytes: text)]

        // Structures first, so that the initrd stays clear of them however small the memory is.
        let isPVH = if case .pvh32 = entryPoint { true } else { false }
        for (part, address, byteCount) in structureSizes(isPVH: isPVH, layout, map, hasInitrd: initrdByteCount != nil) {
            try claims.claim(part, GuestRange(start: address, byteCount: UInt64(byteCount)), at: address)
        }
        let initrd = try placeInitrd(initrdByteCount, kernel, in: &claims)
        if isPVH {
            structures += pvhStructures(layout, map, options, initrd: initrd)
        } else {
            structures.append(
                zeroPage(kernel, image, layout, map, options, initrd: initrd, isRandomized: relocation != nil))
        }
        return BootPlan(
            entryPoint: entryPoint, parameters: isPVH ? layout.startInfo : layout.zeroPage, kernelRange: image.range,
            segments: image.segments, initrd: initrd, deviceTree: nil, structures: structures, relocation: relocation)
    }

    static func render(_ commandLine: CommandLine, limit: Int) throws(BootPlanError) -> [UInt8] {
        let text: [UInt8]
        do throws(CommandLineError) { text = try commandLine.rendered() } catch { throw .commandLine(error) }
        // The kernel cuts what is longer, silently; the limit does not count the NUL (boot.rst, cmdline_size).
        guard text.count - 1 <= limit else { throw .commandLineTooLong(byteCount: text.count - 1, limit: limit) }
        return text
    }

    /// Old kernels find kernel and command line below 4 GiB only (boot.rst, xloadflags bit 1).
    private static func checkReach(_ kernel: KernelContents, _ ends: [GuestAddress]) throws(BootPlanError) {
        let limit = GuestAddress(1 << 32)
        guard let header = kernel.setupHeader, !header.canBeLoadedAbove4G else { return }
        for end in ends where end > limit { throw .doesNotFit(.kernel, byteCount: header.initByteCount, below: limit) }
    }

    private static func placeInitrd(
        _ byteCount: UInt64?, _ kernel: KernelContents, in claims: inout Claims
    ) throws(BootPlanError) -> GuestRange? {
        guard let byteCount else { return nil }
        guard byteCount > 0 else { throw .emptyInitrd }
        // initrd_addr_max is the last byte's address. Kernels without a header take 2 GiB, as their headers would say.
        let end = GuestAddress((kernel.setupHeader?.initrdAddressMax ?? 0x7fff_ffff) + 1)
        return try claims.place(.initrd, byteCount: byteCount, alignment: 4096, below: end)
    }

    private static func structureSizes(
        isPVH: Bool, _ layout: BootLayout, _ map: MemoryMap, hasInitrd: Bool
    ) -> [(BootPart, GuestAddress, Int)] {
        guard isPVH else { return [(.zeroPage, layout.zeroPage, 4096)] }
        let fixed: [(BootPart, GuestAddress, Int)] = [
            (.startInfo, layout.startInfo, 56), (.memoryMap, layout.memoryMap, map.entries.count * 24),
        ]
        return hasInitrd ? fixed + [(.moduleList, layout.moduleList, 32)] : fixed
    }

    private static func pvhStructures(
        _ layout: BootLayout, _ map: MemoryMap, _ options: BootOptions, initrd: GuestRange?
    ) -> [Structure] {
        let info = PVHStartInfo.startInfo(
            commandLine: layout.commandLine, rsdp: options.rsdp, moduleList: initrd == nil ? nil : layout.moduleList,
            memoryMap: layout.memoryMap, memoryMapCount: map.entries.count)
        var structures = [
            Structure(part: .startInfo, address: layout.startInfo, bytes: info),
            Structure(part: .memoryMap, address: layout.memoryMap, bytes: PVHStartInfo.memoryMap(map)),
        ]
        if let initrd {
            let list = PVHStartInfo.moduleList(initrd)
            structures.append(Structure(part: .moduleList, address: layout.moduleList, bytes: list))
        }
        return structures
    }

    private static func zeroPage(
        _ kernel: KernelContents, _ image: X86Placement, _ layout: BootLayout, _ map: MemoryMap,
        _ options: BootOptions, initrd: GuestRange?, isRandomized: Bool
    ) -> Structure {
        var page = ZeroPage(kernel.setupHeader)
        page.setCodeStart(UInt32(truncatingIfNeeded: image.range.start.rawValue))
        page.setCommandLine(layout.commandLine)
        page.setMemoryMap(map)
        if isRandomized { page.setRandomized() }
        if let initrd { page.setInitrd(initrd) }
        if let rsdp = options.rsdp { page.setRSDP(rsdp) }
        return Structure(part: .zeroPage, address: layout.zeroPage, bytes: page.fields.bytes)
    }
}
