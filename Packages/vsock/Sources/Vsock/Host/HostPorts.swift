// SPDX-License-Identifier: Apache-2.0

/// Numbers for the host's end of connections that the host opens: from 2^30 to 2^31 - 1, each used as late as possible
/// again, so that a port that the guest still remembers is not reused at once.
struct HostPorts {
    static let first: UInt32 = 1 << 30
    private static let count: UInt32 = 1 << 30

    /// The number given out last; nil before the first.
    private(set) var last: UInt32?

    init(last: UInt32?) { self.last = last.flatMap { Self.isValid($0) ? $0 : nil } }

    static func isValid(_ port: UInt32) -> Bool { port >= first && port < first + count }

    /// The next number for which `isBusy` is false.
    /// - Parameter attempts: how many to look at; more than there are connections.
    mutating func next(attempts: Int, isBusy: (UInt32) -> Bool) -> UInt32? {
        for _ in 0..<max(attempts, 1) {
            let port = last.map { Self.first + ($0 &- Self.first &+ 1) % Self.count } ?? Self.first
            last = port
            if !isBusy(port) { return port }
        }
        return nil
    }
}
