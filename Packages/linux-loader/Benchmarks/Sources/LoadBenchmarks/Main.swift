// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import LinuxLoader
internal import LinuxLoaderCompression
internal import VMMSysUtil
internal import VMMemory

/// Prints what loading a kernel costs beside `read(2)` of as many bytes into fresh memory of the same size.
/// `LoadBenchmarks [FOLDER [ROUNDS]]`; FOLDER holds `linux-image-*/vmlinux` and `linux-image-*/boot/vmlinuz-*`.
@main
enum Main {
    static func main() throws {
        let arguments = Swift.CommandLine.arguments.dropFirst()
        let home = getenv("HOME").map { String(cString: $0) } ?? ""
        let folder = arguments.first ?? home + "/.cache/vmm-lab/kernels"
        let rounds = arguments.dropFirst().first.flatMap { Int($0) } ?? 21
        print(
            "load of a kernel into fresh guest memory of 256 MiB, against read(2) of the same bytes, medians of \(rounds) rounds"
        )
        for name in names(folder) where name.hasSuffix("amd64") {
            let package = "\(folder)/\(name)"
            let elf = "\(package)/vmlinux"
            if access(elf, R_OK) == 0 {
                let options: [(String, String, Double?)] = [
                    ("vmlinux, as linked", "nokaslr", 1.2), ("vmlinux, KASLR", "quiet", 1.2),
                ]
                for (label, line, limit) in options {
                    try report("\(name): \(label)", elf, rounds, limit, baseline: elf) { try load(elf, line) }
                }
            }
            for file in names("\(package)/boot") where file.hasPrefix("vmlinuz-") && access(elf, R_OK) == 0 {
                let path = "\(package)/boot/\(file)"
                try report("\(name): bzImage, unpacked, KASLR", path, min(rounds, 5), nil, baseline: elf) {
                    try load(path, "quiet")
                }
            }
        }
    }

    /// Opens, plans and loads; everything that a VMM does between a path and a loaded guest.
    static func load(_ path: String, _ line: String) throws {
        let kernel = try Kernel(file: FileDescriptor.open(path), decompressor: KernelDecompressor())
        let map = try MemoryMap.pc(ramByteCount: 256 << 20)
        let memory = try GuestMemory.anonymous(map.ramRanges)
        var generator = SystemRandomNumberGenerator()
        let plan = try BootPlan.x86(
            kernel.contents, map: map, commandLine: LinuxLoader.CommandLine(parsing: line), using: &generator)
        try kernel.load(plan, into: memory)
    }

    /// The whole file with `read(2)` into fresh anonymous memory.
    static func readAll(_ path: String) throws {
        let file = try FileDescriptor.open(path)
        let count = Int(try file.byteCount())
        guard let base = mmap(nil, 256 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
            base != MAP_FAILED
        else { throw Errno.last }
        defer { munmap(base, 256 << 20) }
        var done = 0
        while done < count {
            let result = read(file.rawValue, base + done, count - done)
            guard result > 0 else { throw Errno.last }
            done += result
        }
    }

    static func report(
        _ label: String, _ path: String, _ rounds: Int, _ limit: Double?, baseline: String, _ ours: () throws -> Void
    ) throws {
        var times: [Double] = []
        var baselines: [Double] = []
        for round in 0...rounds {
            let start = now()
            try ours()
            let middle = now()
            try readAll(baseline)
            let end = now()
            // The first round only warms the page cache.
            guard round > 0 else { continue }
            times.append(middle - start)
            baselines.append(end - middle)
        }
        let ratio = median(zip(times, baselines).map { $0 / $1 })
        let promise = limit.map { ratio <= $0 ? "  at most \($0): yes" : "  at most \($0): NO" } ?? ""
        print(
            "  \(label): \(text(median(times))) ms, read(2) \(text(median(baselines))) ms, ratio \(text(ratio))\(promise)"
        )
    }

    static func now() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) * 1000 + Double(time.tv_nsec) / 1e6
    }

    static func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

    static func text(_ value: Double) -> String {
        let hundredths = Int((value * 100).rounded())
        let rest = hundredths % 100
        return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest)"
    }

    static func names(_ path: String) -> [String] {
        guard let folder = opendir(path) else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            names.append(
                withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                })
        }
        return names.sorted()
    }
}
