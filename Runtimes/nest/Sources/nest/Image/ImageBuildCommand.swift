// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import Glibc
internal import NestResources
internal import VMMSysUtil

/// `nest image build`.
struct ImageBuildCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "build",
        abstract: "Makes a root image, as the runtime makes it, of a directory or of an image's layers.",
        discussion: """
            For example, to see what is in it, or to boot a command from it:

              nest image build --output root.erofs ./rootfs
              swiftlet run --kernel /usr/local/lib/nest/vmlinux --initrd /usr/local/lib/nest/initramfs \\
                --rootfs root.erofs -- /bin/sh -c 'uname -r'
            """)

    @Argument(help: "The directory.")
    var directory: String?

    @Option(help: "Directories of layers, the uppermost first, with a colon between them, instead.")
    var layers: String?

    @Option(name: .shortAndLong, help: "The image, which is replaced if it is there.")
    var output: String

    @OptionGroup var files: ConfigurationOptions

    func validate() throws {
        if (directory == nil) == (layers == nil) { throw ValidationError("name either a directory or --layers") }
    }

    func run() throws {
        do {
            var settings = try files.load()
            // A place of its own beside the output: nothing is left in the runtime's cache, and the last step is a rename.
            var place = Array("\(folder(of: output))/.nest-image-XXXXXX".utf8CString)
            guard mkdtemp(&place) != nil else { throw Failure("\(folder(of: output)): \(Errno.last)") }
            settings.imageCacheDirectory = try absolute(
                String(decoding: place.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self))
            defer { removeFolder(settings.imageCacheDirectory) }
            let image = try RootImages(settings).image(for: mounts(), directory: try absolute(directory ?? "/"))
            defer { image.release() }
            chmod(image.path, 0o644)
            guard rename(image.path, output) == 0 else { throw Failure("\(output): \(Errno.last)") }
            var status = stat()
            stat(output, &status)
            say("\(output): \(status.st_size >> 10) KiB in \(image.buildMilliseconds ?? 0) ms")
        } catch {
            complain("\(error)")
            throw ExitCode(1)
        }
    }

    /// Several layers as containerd's snapshotter would hand them over; one is a directory.
    private func mounts() throws -> [RootMount] {
        guard let layers else { return [] }
        let paths = try layers.split(separator: ":").map { try absolute(String($0)) }
        if paths.count == 1 { return [RootMount(type: "bind", source: paths[0], options: ["rbind", "ro"])] }
        return [
            RootMount(type: "overlay", source: "overlay", options: ["lowerdir=" + paths.joined(separator: ":")])
        ]
    }

    private func absolute(_ path: String) throws -> String {
        guard let resolved = realpath(path, nil) else { throw Failure("\(path): \(Errno.last)") }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// What the builder leaves beside an image: locks, and a place to mount at, empty again.
    private func removeFolder(_ path: String) {
        for name in Directory.names(in: path) where unlink("\(path)/\(name)") < 0 { rmdir("\(path)/\(name)") }
        rmdir(path)
    }
}
