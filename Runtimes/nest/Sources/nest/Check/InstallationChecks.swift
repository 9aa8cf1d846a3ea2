// SPDX-License-Identifier: Apache-2.0
internal import Glibc

extension Check {
    /// What `make install` places, and whether containerd finds it.
    static let installationChecks = [
        Check(name: "programs") { host in
            let files = [host.installation.swiftlet, host.installation.shim]
            return present(files, X_OK, "in \(host.installation.prefix)/bin")
        },
        Check(name: "guest image") { host in
            let installation = host.installation
            let files = [installation.kernel, installation.initramfs, installation.systemImage]
            return present(files, R_OK, "in \(installation.prefix)/lib/nest")
        },
        Check(name: "runtime") { host in
            let path = containerdSearchPath() ?? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
            guard let found = find(program: Installation.shimName, in: path) else {
                return .bad(
                    "containerd would not find \(Installation.shimName) in its PATH, \(path)",
                    mend:
                        "ln -s \(host.installation.shim) /usr/local/bin/, or name it by its path: ctr run --runtime \(host.installation.shim)"
                )
            }
            return .good("io.containerd.nest.v2 is \(found)")
        },
    ]

    private static func present(_ files: [String], _ mode: Int32, _ place: String) -> Verdict {
        let missing = files.filter { !isAccessible($0, mode) }
        return missing.isEmpty
            ? .good("\(files.map { String($0.dropFirst(folder(of: $0).count + 1)) }.joined(separator: ", ")) \(place)")
            : .bad("not there: \(missing.joined(separator: ", "))", mend: "make install, with the same PREFIX")
    }

    /// The PATH of the containerd that runs, if one does.
    private static func containerdSearchPath() -> String? {
        guard let directory = opendir("/proc") else { return nil }
        defer { closedir(directory) }
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard Int32(name) != nil, contents(of: "/proc/\(name)/comm") == "containerd\n",
                let environment = contents(of: "/proc/\(name)/environ")
            else { continue }
            return environment.split(separator: "\0").first { $0.hasPrefix("PATH=") }.map { String($0.dropFirst(5)) }
        }
        return nil
    }
}
