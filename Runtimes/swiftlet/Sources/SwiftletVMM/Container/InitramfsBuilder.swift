// SPDX-License-Identifier: Apache-2.0
public import VMMSysUtil

/// Makes the initramfs from which a stock distribution kernel reaches a container: our init, and the drivers that
/// such a kernel has only as modules.
public enum InitramfsBuilder {
    /// The drivers that a microVM needs, by module name; what they depend on is found in the modules themselves.
    ///
    /// `crc32c_generic` is named because `libcrc32c` asks for it by algorithm when it starts.
    public static let drivers = [
        "virtio_mmio", "virtio_blk", "virtio_console", "virtio_rng", "vmw_vsock_virtio_transport", "crc32c_generic",
        "erofs", "overlay",
    ]

    /// Builds the archive.
    ///
    /// - Parameters:
    ///   - initProgram: a static executable that becomes `/init`.
    ///   - modulesDirectory: where the kernel package's modules are, such as `lib/modules/6.1.0-18-cloud-amd64`. A
    ///     driver that has no file there is taken to be built into the kernel.
    public static func build(initProgram: String, modulesDirectory: String) throws(InitramfsError) -> [UInt8] {
        let program = try contents(of: initProgram)
        guard program.starts(with: [0x7F, 0x45, 0x4C, 0x46]) else { throw .notAProgram(initProgram) }
        let modules = try inLoadOrder(drivers, files: try moduleFiles(below: modulesDirectory))
        var archive = CPIOArchive()
        archive.addFile("init", mode: 0o755, contents: program)
        archive.addDirectory("modules")
        var order = ""
        for module in modules {
            let path = "modules/\(moduleName(module.path)).ko"
            archive.addFile(path, contents: module.contents)
            order += "/\(path)\n"
        }
        archive.addFile("modules/order", contents: Array(order.utf8))
        return archive.finish()
    }

    /// Every module file below a directory, by module name.
    private static func moduleFiles(below directory: String) throws(InitramfsError) -> [String: String] {
        var files: [String: String] = [:]
        for path in try filesBelow(directory) where path.hasSuffix(".ko") { files[moduleName(path)] = path }
        if files.isEmpty { throw .noModules(directory) }
        return files
    }

    /// The modules and all they depend on, each behind its dependencies.
    private static func inLoadOrder(
        _ names: [String], files: [String: String]
    ) throws(InitramfsError) -> [KernelModule] {
        var ordered: [KernelModule] = []
        var seen: Set<String> = []
        func visit(_ name: String) throws(InitramfsError) {
            let name = moduleName(name)
            guard seen.insert(name).inserted, let path = files[name] else { return }
            let module = KernelModule(path: path, contents: try contents(of: path))
            for dependency in module.dependencies { try visit(dependency) }
            ordered.append(module)
        }
        for name in names { try visit(name) }
        return ordered
    }

    private static func contents(of path: String) throws(InitramfsError) -> [UInt8] {
        do { return try readWholeFile(path) } catch { throw .file(path, error) }
    }

    private static func filesBelow(_ directory: String) throws(InitramfsError) -> [String] {
        do { return try listFiles(below: directory) } catch { throw .file(directory, error) }
    }
}

/// Why no initramfs could be made.
public enum InitramfsError: Error, Equatable {
    /// A file or directory could not be read.
    case file(String, Errno)
    /// What should become `/init` is no ELF executable.
    case notAProgram(String)
    /// There is no `.ko` file below the directory.
    case noModules(String)
}

extension InitramfsError: CustomStringConvertible {
    /// One line for the user.
    public var description: String {
        switch self {
        case .file(let path, let error): "cannot read \(path): \(error)"
        case .notAProgram(let path): "\(path) is not an ELF executable"
        case .noModules(let path): "there are no kernel modules (.ko) below \(path)"
        }
    }
}
