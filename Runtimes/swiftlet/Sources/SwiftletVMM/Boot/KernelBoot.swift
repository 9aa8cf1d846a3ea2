// SPDX-License-Identifier: Apache-2.0
internal import LinuxLoader
internal import LinuxLoaderCompression
internal import VMMSysUtil
internal import VMMemory

/// The files that a machine boots from, opened and parsed before anything else is made, so that a wrong name costs nothing.
struct KernelBoot: ~Copyable {
    private let kernel: Kernel
    private let kernelPath: String
    private let initrd: FileDescriptor?
    private let initrdByteCount: UInt64
    private let extra: [UInt8]
    private let commandLine: CommandLine

    init(_ config: MachineConfig) throws(MachineError) {
        let file = try openFile(config.kernelPath, role: "kernel")
        let kernel: Kernel
        do throws(KernelImageError) {
            kernel = try Kernel(file: file, decompressor: KernelDecompressor())
        } catch {
            throw .kernel(path: config.kernelPath, error)
        }
        var initrd: FileDescriptor?
        var byteCount: UInt64 = 0
        if let path = config.initrdPath {
            let opened = try openFile(path, role: "initrd")
            do throws(Errno) { byteCount = try opened.byteCount() } catch {
                throw .file(role: "initrd", path: path, error)
            }
            initrd = consume opened
        }
        let line = try Self.commandLine(config)
        self.kernel = kernel
        kernelPath = config.kernelPath
        self.initrd = initrd
        initrdByteCount = byteCount
        extra = config.initrdExtra
        commandLine = line
    }

    /// Puts kernel, initrd and boot structures into guest memory.
    /// - Returns: where the first vCPU starts.
    borrowing func load(
        into memory: GuestMemory, map: MemoryMap, rsdp: UInt64
    ) throws(MachineError) -> EntryPoint {
        var options = BootOptions()
        options.rsdp = GuestAddress(rsdp)
        options.layout.startInfo = Layout.startInfo
        options.layout.zeroPage = Layout.zeroPage
        options.layout.commandLine = Layout.commandLine
        options.reserved = Layout.bootTableRanges
        var generator = SystemRandomNumberGenerator()
        let plan: BootPlan
        do throws(BootPlanError) {
            plan = try BootPlan.x86(
                kernel.contents, map: map, commandLine: commandLine, initrdByteCount: totalInitrdByteCount,
                options: options, using: &generator)
        } catch {
            throw .boot("cannot boot \(kernelPath): \(error)")
        }
        do throws(KernelLoadError) { try kernel.load(plan, into: memory) } catch {
            throw .boot("cannot load \(kernelPath): \(error)")
        }
        do throws(GuestMemoryError) {
            if let range = plan.initrd { try loadInitrd(at: range.start, memory) }
            let is64Bit = if case .linux64 = plan.entryPoint { true } else { false }
            try BootTables.write(to: memory, is64Bit: is64Bit)
        } catch {
            throw .memory(error)
        }
        return plan.entryPoint
    }

    /// The file, padded so that the archive behind it is found, and that archive.
    private var totalInitrdByteCount: UInt64? {
        if extra.isEmpty { return initrd == nil ? nil : initrdByteCount }
        return paddedInitrdByteCount + UInt64(extra.count)
    }

    private var paddedInitrdByteCount: UInt64 { (initrdByteCount + 3) & ~3 }

    private borrowing func loadInitrd(at start: GuestAddress, _ memory: GuestMemory) throws(GuestMemoryError) {
        switch initrd {
        case .some(let file):
            try memory.readFile(file, fileOffset: 0, byteCount: initrdByteCount, to: start)
        case .none: break
        }
        guard !extra.isEmpty, let address = start.adding(paddedInitrdByteCount) else { return }
        try extra.span.withUnsafeBytes { (bytes) throws(GuestMemoryError) in try memory.write(at: address, from: bytes)
        }
    }

    /// The default arguments, then the user's: of two alike the kernel takes the last.
    private static func commandLine(_ config: MachineConfig) throws(MachineError) -> CommandLine {
        do throws(CommandLineError) {
            var line = try CommandLine()
            if config.hasDefaultCommandLine { try line.insert(MachineConfig.defaultCommandLine) }
            if !config.commandLine.isEmpty { try line.insert(config.commandLine) }
            return line
        } catch {
            throw .boot("the kernel command line: \(error)")
        }
    }

    /// Tells whether a command line could be used.
    static func check(commandLine text: String) throws(MachineError) {
        var config = MachineConfig(kernelPath: "")
        config.hasDefaultCommandLine = false
        config.commandLine = text
        _ = try commandLine(config)
    }
}

/// Opens a file of the user's for reading.
func openFile(_ path: String, role: String, flags: OpenFlags = .readOnly) throws(MachineError) -> FileDescriptor {
    do throws(Errno) {
        // A pipe by name without a writer would be waited for, with the signals that could end that held back.
        let file = try FileDescriptor.open(path, [flags, .nonBlocking])
        switch try file.kind() {
        case .regular, .blockDevice: return file
        default: throw Errno.invalidArgument
        }
    } catch .invalidArgument {
        throw .notAFile(role: role, path: path)
    } catch {
        throw .file(role: role, path: path, error)
    }
}
