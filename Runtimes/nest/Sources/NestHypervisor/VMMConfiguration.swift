// SPDX-License-Identifier: Apache-2.0
internal import NestModel
internal import NestResources

/// What the VMM is told and shown: its command line, its configuration file in Firecracker's form, and the files that its
/// root holds.
struct VMMConfiguration: Equatable {
    /// A file of the host and its name in the VMM's root, without a leading slash.
    struct File: Equatable {
        var source: String
        var target: String
        var isWritable = false
    }

    static let socketName = "vsock.sock"
    /// The guest's own address: any but 0 to 2.
    private static let guestCID = 3

    let arguments: [String]
    let json: String
    let files: [File]

    init(_ plan: VMPlan, _ host: NestConfiguration) throws(HypervisorError) {
        guard (1...32).contains(plan.vcpuCount) else { throw .badPlan("\(plan.vcpuCount) vCPUs are not 1 to 32") }
        guard (1...1 << 20).contains(plan.memoryMiB) else {
            throw .badPlan("\(plan.memoryMiB) MiB of memory are not 1 to 1048576")
        }
        var files = [
            File(source: host.kernel, target: "vmlinux"), File(source: host.initramfs, target: "initramfs"),
            File(source: host.systemImage, target: "system.erofs"),
        ]
        var drives = [Self.drive(id: "system", path: "/system.erofs", isReadOnly: true)]
        for (index, drive) in plan.drives.enumerated() {
            let isPlain = drive.id.utf8.allSatisfy {
                (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) || $0 == 0x5F
                    || $0 == 0x2D
            }
            guard isPlain, !drive.id.isEmpty, drive.id != "system" else { throw .badPlan("bad drive id '\(drive.id)'") }
            let target = "drives/\(index)"
            files.append(File(source: drive.path, target: target, isWritable: !drive.isReadOnly))
            drives.append(Self.drive(id: drive.id, path: "/" + target, isReadOnly: drive.isReadOnly))
        }
        for file in files where !file.source.hasPrefix("/") || file.source.utf8.contains(0) {
            throw .badPlan("'\(file.source)' is no absolute path")
        }
        self.files = files
        // The VMM takes letters, digits and '-' (its --help).
        let id = String(
            plan.sandboxID.utf8.prefix(64).map { byte -> Character in
                let isKept =
                    (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                return isKept ? Character(UnicodeScalar(byte)) : "-"
            })
        arguments =
            [
                "swiftlet", "--api-sock", "/run/api.sock", "--id", id.isEmpty ? "pod" : id, "--config-file",
                "/config.json",
            ] + (host.isConfined ? [] : ["--no-seccomp"])
        json = """
            {"boot-source":{"kernel_image_path":"/vmlinux","initrd_path":"/initramfs","boot_args":\
            \(Self.quote(plan.commandLine))},"drives":[\(drives.joined(separator: ","))],\
            "machine-config":{"vcpu_count":\(plan.vcpuCount),"mem_size_mib":\(plan.memoryMiB)},\
            "vsock":{"guest_cid":\(Self.guestCID),"uds_path":"/run/\(Self.socketName)"},"entropy":{}}
            """
    }

    private static func drive(id: String, path: String, isReadOnly: Bool) -> String {
        "{\"drive_id\":\(quote(id)),\"path_on_host\":\(quote(path)),\"is_root_device\":false,\"is_read_only\":\(isReadOnly)}"
    }

    /// A JSON text (RFC 8259, section 7).
    static func quote(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x22: result += "\\\""
            case 0x5C: result += "\\\\"
            case 0..<0x20:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
