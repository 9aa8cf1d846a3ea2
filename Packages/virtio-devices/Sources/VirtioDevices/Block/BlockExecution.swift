// SPDX-License-Identifier: Apache-2.0
internal import VMMSysUtil
internal import VMMemory
internal import VirtioQueue

/// Does what a request asks for, on the disk: before it returns, or by a transfer that a disk goes on with.
struct BlockExecution {
    let identifier: [UInt8]
    /// virtio 1.2, 5.2.6.2: without FLUSH accepted, a write is stable when it is answered.
    let isWriteThrough: Bool
    /// Whether a flush does anything.
    let isSynchronised: Bool
    private let transfer = DiskTransfer(index: 0, capacity: 256)

    init(options: BlockOptions, features: VirtioFeatures) {
        var identifier = [UInt8](options.identifier.utf8.prefix(Int(BlockRequest.identifierByteCount)))
        while identifier.count < Int(BlockRequest.identifierByteCount) { identifier.append(0) }
        self.identifier = identifier
        isSynchronised = options.cache == .writeBack
        isWriteThrough = options.cache == .writeBack && !features.contains(.blockFlush)
    }

    func run(
        _ request: BlockRequest, on disk: any Disk, counting counters: inout BlockCounters
    ) -> BlockCompletion {
        if prepare(transfer, for: request) {
            transfer.run(on: disk)
            return Self.completion(of: transfer, counting: &counters)
        }
        do throws(Errno) {
            return try runWithoutTransfer(request, on: disk, counting: &counters)
        } catch {
            counters.failures &+= 1
            // How far it came nobody knows.
            return BlockCompletion(status: .ioError, zeroedByteCount: request.zeroedByteCount)
        }
    }

    /// Makes a transfer of a request.
    /// - Returns: false if it is none.
    func prepare(_ transfer: DiskTransfer, for request: BlockRequest) -> Bool {
        switch request {
        case .read(let byteOffset, let target):
            transfer.prepare(.read, at: byteOffset) { target.appendVectors(to: &$0) }
        case .write(let byteOffset, let source):
            transfer.prepare(isWriteThrough ? .stableWrite : .write, at: byteOffset) { source.appendVectors(to: &$0) }
        case .flush where isSynchronised:
            transfer.prepare(.flush)
        case .flush, .getID, .discard, .writeZeroes:
            return false
        }
        return true
    }

    /// What to answer when a transfer is done.
    static func completion(
        of transfer: DiskTransfer, counting counters: inout BlockCounters
    ) -> BlockCompletion {
        let isGood = transfer.error == nil
        var completion = BlockCompletion(status: isGood ? .ok : .ioError)
        if !isGood { counters.failures &+= 1 }
        switch transfer.kind {
        case .read:
            completion.dataByteCount = transfer.wanted &- transfer.pieces.byteCount
            guard isGood else { break }
            counters.reads &+= 1
            counters.readBytes &+= transfer.wanted
        case .write, .stableWrite:
            guard isGood else { break }
            counters.writes &+= 1
            counters.writtenBytes &+= transfer.wanted
        case .flush:
            if isGood { counters.flushes &+= 1 }
        }
        return completion
    }

    private func runWithoutTransfer(
        _ request: BlockRequest, on disk: any Disk, counting counters: inout BlockCounters
    ) throws(Errno) -> BlockCompletion {
        switch request {
        case .flush:
            counters.flushes &+= 1
        case .getID(var target):
            let done = identifier.withUnsafeBytes { target.write($0) }
            return BlockCompletion(status: .ok, dataByteCount: UInt64(done))
        case .discard(let extents):
            for extent in extents { try disk.discard(at: extent.byteOffset, byteCount: extent.byteCount) }
            counters.discards &+= 1
        case .writeZeroes(let extents):
            var zeroed: UInt64 = 0
            for extent in extents {
                zeroed &+= try disk.writeZeroes(
                    at: extent.byteOffset, byteCount: extent.byteCount, mayUnmap: extent.mayUnmap)
            }
            if isWriteThrough { try disk.flush() }
            counters.discards &+= 1
            return BlockCompletion(status: .ok, zeroedByteCount: zeroed)
        case .read, .write:
            break
        }
        return BlockCompletion(status: .ok)
    }
}
