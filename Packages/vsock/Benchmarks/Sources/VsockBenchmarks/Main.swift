// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import VMMSysUtil

/// Prints the table: bytes through the device beside the same bytes through a Unix socket alone, in the same run.
@main
struct Main {
    private static let rounds = 9

    static func main() throws {
        print("vsock, one connection, everything on one thread              ours     plain  ratio")
        for pieces in [64 << 10, 4 << 10, 64] {
            try row("guest to host, packets of \(pieces)", pieces) { try GuestToHost(.stream) }
        }
        for pieces in [64 << 10, 4 << 10, 64] {
            try row("host to guest, writes of \(pieces), 4 KiB buffers", pieces) {
                try HostToGuest(receiveByteCount: 4096 - 320, .stream)
            }
        }
        try row("host to guest, writes of 65536, 64 KiB buffers", 64 << 10) {
            try HostToGuest(receiveByteCount: (64 << 10) + 44, .stream)
        }
        for pieces in [64 << 10, 4 << 10, 64] {
            try row("guest to host, SEQPACKET of \(pieces)", pieces, .sequencedPacket) {
                try GuestToHost(.sequencedPacket)
            }
        }
        for pieces in [64 << 10, 4 << 10, 64] {
            try row("host to guest, SEQPACKET of \(pieces), 4 KiB buffers", pieces, .sequencedPacket) {
                try HostToGuest(receiveByteCount: 4096 - 320, .sequencedPacket)
            }
        }
        print("MB per second of processor time; medians of \(rounds) rounds, taken in turns. Ratio: plain to ours.")
        try connections()
    }

    /// What it costs to open and close one, alone and beside thousands, and what each of the thousands costs.
    private static func connections() throws {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        let crowd = UInt32(min(8000, max(0, Int(clamping: limit.rlim_cur) - 100) / 2))
        let rig = try CrowdRig(limit: Int(crowd) + 1)
        let plain = try PlainConnections()
        func row(_ name: String) throws {
            var figures: [(ours: Double, plain: Double)] = []
            for _ in 0..<rounds {
                let ours = try time(1000) {
                    try rig.open(1)
                    try rig.close(1)
                }
                figures.append((ours, try time(1000) { try plain.openAndClose() }))
            }
            print(
                pad(name, 52) + tenths(median(figures.map(\.ours))) + " us  " + tenths(median(figures.map(\.plain)))
                    + " us  " + tenths(median(figures.map { $0.ours / $0.plain })))
        }
        try row("guest opens and ends a connection")
        let before = residentByteCount()
        for port in 0..<crowd { try rig.open(1000 + port) }
        let each = (residentByteCount() - before) / max(1, Int(crowd))
        try row("guest opens and ends a connection beside \(crowd)")
        print("memory of an idle connection, of \(crowd)  \(each) bytes, besides its descriptors")
    }

    /// Processor time of each of `count` times, in microseconds.
    private static func time(_ count: Int, _ body: () throws -> Void) throws -> Double {
        let start = processorTime()
        for _ in 0..<count { try body() }
        return (processorTime() - start) / Double(count) * 1e6
    }

    private static func tenths(_ value: Double) -> String {
        let text = "\(Double(Int(value * 10)) / 10)"
        return String(repeating: " ", count: max(0, 8 - text.count)) + text
    }

    private static func row(
        _ name: String, _ pieces: Int, _ style: SocketPair.Style = .stream, _ make: () throws -> any Stream
    ) throws {
        let ours = try make()
        let plain = try PlainStream(style)
        // A good part of a round's time is calls, whose number depends on the pieces.
        let byteCount = pieces < 1024 ? 2 << 20 : 64 << 20
        var figures: [(ours: Double, plain: Double)] = []
        for _ in 0..<rounds {
            figures.append((try speed(ours, byteCount, pieces), try speed(plain, byteCount, pieces)))
        }
        let ratio = median(figures.map { $0.plain / $0.ours })
        print(
            pad(name, 52) + number(median(figures.map(\.ours))) + " MB/s" + number(median(figures.map(\.plain)))
                + " MB/s  " + "\(Double(Int(ratio * 100)) / 100)")
    }

    private static func speed(_ stream: any Stream, _ byteCount: Int, _ pieces: Int) throws -> Double {
        let start = processorTime()
        let moved = try stream.move(byteCount, pieces: pieces)
        return Double(moved) / (processorTime() - start) / 1e6
    }

    private static func processorTime() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    private static func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

    private static func pad(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    private static func number(_ value: Double) -> String {
        let text = "\(Int(value.rounded()))"
        return String(repeating: " ", count: max(0, 8 - text.count)) + text
    }
}
