// SPDX-License-Identifier: Apache-2.0
internal import VMMSysUtil
internal import VMMemory
internal import VirtioQueue

/// Does what a request asks for, on the disk, before it returns.
struct BlockExecution: ~Copyable {
    let identifier: [UInt8]
    /// virtio 1.2, 5.2.6.2: without FLUSH accepted, a write is stable when it is answered.
    let isWriteThrough: Bool
    /// Whether a flush does anything.
    let isSynchronised: Bool
    private var pieces = IOVecs(capacity: 256)

    init(options: BlockOptions, features: VirtioFeatures) {
        var identifier = [UInt8](options.identifier.utf8.prefix(Int(BlockRequest.identifierByteCount)))
        while identifier.count < Int(BlockRequest.identifierByteCount) { identifier.append(0) }
        self.identifier = identifier
        isSynchronised = options.cache == .writeBack
        isWriteThrough = options.cache == .writeBack && !features.contains(.blockFlush)
    }

    mutating func run(
        _ request: BlockRequest, on disk: any Disk, counting counters: inout BlockCounters
    ) -> BlockCompletion {
        switch request {
        case .read(let byteOffset, let target):
            pieces.removeAll()
            target.appendVectors(to: &pieces)
            let wanted = pieces.byteCount
            do throws(Errno) {
                try disk.read(at: byteOffset, into: &pieces)
            } catch {
                counters.failures &+= 1
                return BlockCompletion(status: .ioError, dataByteCount: wanted &- pieces.byteCount)
            }
            counters.reads &+= 1
            counters.readBytes &+= wanted
            return BlockCompletion(status: .ok, dataByteCount: wanted)
        case .write(let byteOffset, let source):
            pieces.removeAll()
            source.appendVectors(to: &pieces)
            let wanted = pieces.byteCount
            do throws(Errno) {
                try disk.write(&pieces, at: byteOffset)
                if isWriteThrough { try disk.flush() }
            } catch {
                counters.failures &+= 1
                return BlockCompletion(status: .ioError)
            }
            counters.writes &+= 1
            counters.writtenBytes &+= wanted
            return BlockCompletion(status: .ok)
        case .getID(var target):
            let done = identifier.withUnsafeBytes { target.write($0) }
            return BlockCompletion(status: .ok, dataByteCount: UInt64(done))
        case .flush, .discard, .writeZeroes:
            do throws(Errno) {
                try runWithoutData(request, on: disk)
            } catch {
                counters.failures &+= 1
                return BlockCompletion(status: .ioError)
            }
            if case .flush = request { counters.flushes &+= 1 } else { counters.discards &+= 1 }
            return BlockCompletion(status: .ok)
        }
    }

    private func runWithoutData(_ request: BlockRequest, on disk: any Disk) throws(Errno) {
        switch request {
        case .flush:
            if isSynchronised { try disk.flush() }
        case .discard(let extents):
            for extent in extents { try disk.discard(at: extent.byteOffset, byteCount: extent.byteCount) }
        case .writeZeroes(let extents):
            for extent in extents {
                try disk.writeZeroes(
                    at: extent.byteOffset, byteCount: extent.byteCount, mayUnmap: extent.mayUnmap)
            }
            if isWriteThrough { try disk.flush() }
        case .read, .write, .getID:
            break
        }
    }
}
