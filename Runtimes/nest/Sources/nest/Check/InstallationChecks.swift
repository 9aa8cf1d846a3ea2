// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import NestResources
internal import VMMSysUtil

extension Check {
    /// What `make install` places, and whether containerd finds it.
    static let installationChecks = [
        Check(name: "configuration") { host in
            switch host.configuration {
            case .success:
                isAccessible(NestConfiguration.defaultPath)
                    ? .good(NestConfiguration.defaultPath)
                    : .good("the defaults: there is no \(NestConfiguration.defaultPath)")
            case .failure(let error):
                .bad("\(error)", mend: "edit that line; 'nest config' prints every key with its default")
            }
        },
        Check(name: "programs") { host in present([host.settings.swiftlet], X_OK) },
        Check(name: "guest image") { host in
            present([host.settings.kernel, host.settings.initramfs, host.settings.systemImage], R_OK)
        },
        Check(name: "runtime") { _ in
            let path = containerdSearchPath() ?? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
            if let found = find(program: shimName, in: path) { return .good("io.containerd.nest.v2 is \(found)") }
            let own = "\(NestConfiguration.installedPrefix)/bin/\(shimName)"
            return isAccessible(own, X_OK)
                ? .bad("\(own) is not in containerd's PATH, \(path)", mend: "ln -s \(own) /usr/local/bin/")
                : .bad("\(own) is not there", mend: "make install")
        },
    ]

    private static func present(_ files: [String], _ mode: Int32) -> Verdict {
        let missing = files.filter { !isAccessible($0, mode) }
        return missing.isEmpty
            ? .good(files.joined(separator: ", "))
            : .bad("not there: \(missing.joined(separator: ", "))", mend: "make install")
    }

    /// The PATH of the containerd that runs, if one does.
    private static func containerdSearchPath() -> String? {
        for name in Directory.names(in: "/proc") {
            guard Int32(name) != nil, contents(of: "/proc/\(name)/comm") == "containerd\n",
                let environment = contents(of: "/proc/\(name)/environ")
            else { continue }
            return environment.split(separator: "\0").first { $0.hasPrefix("PATH=") }.map { String($0.dropFirst(5)) }
        }
        return nil
    }
}
