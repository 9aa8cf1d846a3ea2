// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import TTRPC
internal import TTRPCTestSupport

/// What a hundred connections cost that have made a call each and wait.
struct Idle {
    static func measure() throws {
        let server = TTRPCServer(services: [Echo()])
        let before = read()
        var clients: [TTRPCClient] = []
        for _ in 0..<100 {
            let client = try TTRPCPipe.client(of: server)
            _ = try client.call("containerd.task.v2.Task", "State", [1])
            clients.append(client)
        }
        // Until the threads of calls that were kept have ended.
        sleep(7)
        let after = read()
        print(
            "100 idle connections, both ends: \(after.threads - before.threads) threads, "
                + "\(after.kilobytes - before.kilobytes) KiB of private memory (\(clients.count) clients)")
    }

    /// `Threads` and `RssAnon` of `/proc/self/status`.
    private static func read() -> (threads: Int, kilobytes: Int) {
        guard let file = fopen("/proc/self/status", "r") else { return (0, 0) }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 8192)
        let count = fread(&bytes, 1, bytes.count, file)
        var found: [Substring: Int] = [:]
        for line in String(decoding: bytes[..<count], as: UTF8.self).split(separator: "\n") {
            let words = line.split(whereSeparator: { " \t:".contains($0) })
            if words.count > 1, let value = Int(words[1]) { found[words[0]] = value }
        }
        return (found["Threads"] ?? 0, found["RssAnon"] ?? 0)
    }
}
