// SPDX-License-Identifier: Apache-2.0
import CGuestInit

/// The named ports of the virtio console.
enum ConsolePort {
    /// Opens the port that the VMM gave this name, for reading and writing, non-blocking.
    ///
    /// A port opens only once, so the descriptor is kept for the life of the guest. The name arrives in a message of
    /// its own after the port did, so this waits for it.
    static func open(_ name: String) throws(InitError) -> Int32 {
        for _ in 0..<5000 {
            if let device = find(name) {
                let port = guest_open("/dev/\(device)", O_RDWR | O_NONBLOCK)
                if port >= 0 { return port }
                if errno != ENOENT { throw InitError("open console port \(name)", errno) }
            }
            usleep(1000)
        }
        throw InitError("console port \(name) did not appear within 5 s")
    }

    private static func find(_ name: String) -> String? {
        guard let directory = opendir("/sys/class/virtio-ports") else { return nil }
        defer { closedir(directory) }
        while let entry = readdir(directory) {
            let device = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard device.utf8.first == UInt8(ascii: "v"),
                let bytes = try? readFile("/sys/class/virtio-ports/\(device)/name")
            else { continue }
            if bytes.prefix(while: { $0 != UInt8(ascii: "\n") }).elementsEqual(name.utf8) { return device }
        }
        return nil
    }
}
