// SPDX-License-Identifier: Apache-2.0
internal import CNestAgent
internal import Glibc

/// Options of a mount, as `mount(8)` has them, for `mount(2)`: flags, and a text for the file system.
struct MountOptions: Equatable {
    var flags: UInt = 0
    var data: [String] = []

    init(_ options: [String]) {
        for option in options { add(option) }
    }

    mutating func add(_ option: String) {
        switch option {
        case "", "rw", "defaults", "suid", "dev", "exec", "async", "atime": break
        case "ro": flags |= Self.readOnly
        case "nosuid": flags |= 2
        case "nodev": flags |= 4
        case "noexec": flags |= 8
        case "sync": flags |= 16
        case "dirsync": flags |= 128
        case "noatime": flags |= 1024
        case "nodiratime": flags |= 2048
        case "relatime": flags |= 1 << 21
        case "strictatime": flags |= 1 << 24
        default: data.append(option)
        }
    }

    /// `MS_RDONLY`
    static let readOnly: UInt = 1

    /// The value of a `name=value` option.
    func value(_ name: String) -> String? {
        data.first { $0.hasPrefix("\(name)=") }.map { String($0.dropFirst(name.utf8.count + 1)) }
    }
}

/// Mounts a file system, making the mount point first.
func mountFileSystem(
    _ type: String, from source: String, on target: String, _ options: MountOptions = .init([])
) throws(AgentError) {
    try Files.makeDirectories(target)
    let data = options.data.joined(separator: ",")
    // One page is what the kernel takes; it cuts the rest off without a word.
    guard data.utf8.count < 4096 else { throw .invalid("the mount options of \(target) have \(data.utf8.count) bytes") }
    try system("mount \(source) on", target) { mount(source, target, type, options.flags, data) }
}
