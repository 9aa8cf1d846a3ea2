// SPDX-License-Identifier: Apache-2.0
import CGuestInit

/// The read-only image of programs that every pod's machine shares, and the way from the initramfs into it.
enum SystemImage {
    /// The machine's first disk holds it.
    static let device = "/dev/vda"
    /// What takes over as process 1.
    static let program = "/sbin/nest-agent"
    private static let place = "/system"

    /// Whether the kernel command line asks for the agent: the word `nest.agent`. A word with a dot is never passed on
    /// to init by the kernel, so it is looked for where the whole line stands.
    static func isWanted() throws(InitError) -> Bool {
        guard let line = try readFile("/proc/cmdline") else { throw InitError("there is no /proc/cmdline") }
        let word = "nest.agent".utf8
        return line.split(whereSeparator: { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\n") })
            .contains { $0.elementsEqual(word) }
    }

    /// Mounts the image, makes it the root and becomes its program. `/dev`, `/proc` and `/sys` come along.
    static func becomeAgent() throws(InitError) -> Never {
        try waitFor(device)
        try mountFileSystem(
            "erofs", from: device, on: place, flags: UInt(MS_RDONLY | MS_NOSUID | MS_NODEV))
        // Asked before the way back is gone, so that the line names the image and not a root without programs.
        if access("\(place)\(program)", X_OK) < 0 {
            throw InitError("\(device) is not a nest system image: \(program)", errno)
        }
        for directory in ["/dev", "/proc", "/sys"] {
            if mount(directory, "\(place)\(directory)", nil, UInt(MS_MOVE), nil) < 0 {
                throw InitError("move \(directory) into the system image", errno)
            }
        }
        freeInitramfs()
        try moveRoot(to: place)
        guest_exec(program)
        throw InitError("exec \(program)", errno)
    }

    /// The initramfs stays mounted below the new root for ever: what is in it is guest memory, so it goes first.
    private static func freeInitramfs() {
        for file in ["/init", "/modules/order", "/swiftlet/run"] { unlink(file) }
        for directory in ["/modules", "/swiftlet", "/root"] { rmdir(directory) }
    }
}
