// SPDX-License-Identifier: Apache-2.0
import LinuxLoader
import LinuxLoaderTestSupport
import Testing
import VMMSysUtil
import VMMemory

func address(_ value: UInt64) -> GuestAddress { GuestAddress(value) }

func range(_ start: UInt64, _ byteCount: UInt64) throws -> GuestRange {
    try #require(GuestRange(start: GuestAddress(start), byteCount: byteCount))
}

/// Parses bytes as `KernelImage.parse` does.
func parse(_ bytes: [UInt8], limits: KernelLimits = KernelLimits()) throws(KernelImageError) -> KernelImage {
    let result = bytes.withUnsafeBytes { (buffer) -> Result<KernelImage, KernelImageError> in
        do throws(KernelImageError) { return .success(try KernelImage.parse(buffer, limits: limits)) } catch {
            return .failure(error)
        }
    }
    return try result.get()
}

/// A fixed offset for KASLR: the same bits for ever.
struct FixedGenerator: RandomNumberGenerator {
    var value: UInt64
    mutating func next() -> UInt64 { value }
}

/// Plans and loads with a PC's memory map, over memory that is full of 0xa5.
final class Loaded {
    let plan: BootPlan
    let memory: GuestMemory

    init(
        _ bytes: [UInt8], decompressor: (any Decompressor)? = nil, ramByteCount: UInt64 = 32 << 20,
        commandLine: String = "quiet", initrdByteCount: UInt64? = nil, options: BootOptions = BootOptions(),
        random: UInt64 = .max
    ) throws {
        let kernel = try withBytes(bytes) { try Kernel(bytes: $0, decompressor: decompressor) }
        let map = try MemoryMap.pc(ramByteCount: ramByteCount)
        memory = try GuestMemory.anonymous(map.ramRanges)
        for range in map.ramRanges { try memory.fill(0xa5, at: range.start, byteCount: range.byteCount) }
        var generator = FixedGenerator(value: random)
        plan = try BootPlan.x86(
            kernel.contents, map: map, commandLine: CommandLine(parsing: commandLine),
            initrdByteCount: initrdByteCount, options: options, using: &generator)
        try kernel.load(plan, into: memory)
    }

    func bytes(at address: UInt64, count: Int) throws -> [UInt8] {
        var result = [UInt8](repeating: 0, count: count)
        try result.withUnsafeMutableBytes { try memory.read(at: GuestAddress(address), into: $0) }
        return result
    }

    func load<T: GuestInteger>(_ type: T.Type, at address: UInt64) throws -> T {
        try memory.load(type, at: GuestAddress(address))
    }
}

/// `withUnsafeBytes` for a noncopyable result.
func withBytes<Result: ~Copyable>(_ bytes: [UInt8], _ body: (UnsafeRawBufferPointer) throws -> Result) throws -> Result
{
    var result: Result?
    try bytes.withUnsafeBytes { result = try body($0) }
    switch consume result {
    case .some(let value): return value
    case .none: throw Missing()
    }
}

struct Missing: Error {}

/// A nameless file with these bytes.
func temporaryFile(_ bytes: [UInt8]) throws -> FileDescriptor {
    let file = try FileDescriptor.temporaryFile()
    try bytes.withUnsafeBytes { try file.writeAll(from: $0) }
    return file
}
