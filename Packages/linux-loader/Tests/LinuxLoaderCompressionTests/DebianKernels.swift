// SPDX-License-Identifier: Apache-2.0
import Glibc
import VMMSysUtil

/// Real kernels, looked for under `KERNELS_DIR`, else under the lab's cache, one folder per Debian package.
enum DebianKernels {
    static let cloud = find("linux-image-", "-cloud-amd64")
    static let standard = find("linux-image-", "-amd64", excluding: "cloud")
    static let arm64 = find("linux-image-", "-arm64")

    /// The cloud kernel's payload, unpacked beside it.
    static let cloudELF = cloud.flatMap { path in
        let package = path.split(separator: "/", omittingEmptySubsequences: false).dropLast(2).joined(separator: "/")
        return access(package + "/vmlinux", R_OK) == 0 ? package + "/vmlinux" : nil
    }

    /// What a disabled test says.
    static let hint = "no Debian kernels under KERNELS_DIR or ~/.cache/vmm-lab/kernels"

    private static func find(_ prefix: String, _ suffix: String, excluding: String? = nil) -> String? {
        let cache = getenv("HOME").map { String(cString: $0) + "/.cache/vmm-lab/kernels" }
        guard let root = getenv("KERNELS_DIR").map({ String(cString: $0) }) ?? cache else { return nil }
        for package in Folder.names(root) where package.hasPrefix(prefix) {
            for file in Folder.names("\(root)/\(package)/boot")
            where file.hasPrefix("vmlinuz-") && file.hasSuffix(suffix) && !(excluding.map(file.contains) ?? false) {
                return "\(root)/\(package)/boot/\(file)"
            }
        }
        return nil
    }
}

/// What a directory holds.
enum Folder {
    static func names(_ path: String) -> [String] {
        guard let folder = opendir(path) else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            names.append(name)
        }
        return names.sorted()
    }
}
