// SPDX-License-Identifier: Apache-2.0
internal import VirtioQueue

/// The status byte of a request (virtio 1.2, 5.2.6).
enum BlockStatus: UInt8 {
    case ok = 0
    case ioError = 1
    case unsupported = 2
}

/// How a request ended: the only writer of status bytes and used lengths.
struct BlockCompletion: Equatable {
    var status: BlockStatus
    /// Bytes of data written to the guest, from the start of the chain's writable part.
    var dataByteCount: UInt64 = 0
    /// Zeroes that the disk wrote, or may have written before it failed.
    var zeroedByteCount: UInt64 = 0

    /// Writes the status byte.
    ///
    /// The used length counts written bytes without a gap from the start of the writable part (virtio 1.2, 2.7.8.2); so
    /// the status byte, which is the last one, counts only if everything before it was written.
    func finish(_ chain: ChainBuffers) -> ChainOutcome {
        let room = chain.writableByteCount
        var written = dataByteCount
        if room >= 1 {
            var writer = chain.writer
            writer.skip(room &- 1)
            writer.write(status.rawValue)
            if dataByteCount == room &- 1 { written = room }
        }
        // A chain is never longer than 32 bits can say.
        return .used(written: UInt32(clamping: written))
    }
}
