// SPDX-License-Identifier: Apache-2.0
internal import VirtioQueue

extension VirtioFeatures {
    /// VIRTIO_BLK_F_SEG_MAX (virtio 1.2, 5.2.3): how many data descriptors a request may have.
    static let blockSegmentMax = bit(2)
    /// VIRTIO_BLK_F_RO: the device refuses to be written.
    static let blockReadOnly = bit(5)
    /// VIRTIO_BLK_F_BLK_SIZE: the best size of a transfer.
    static let blockSize = bit(6)
    /// VIRTIO_BLK_F_FLUSH: there is a cache, and a command to write it back.
    static let blockFlush = bit(9)
    /// VIRTIO_BLK_F_DISCARD.
    static let blockDiscard = bit(13)
    /// VIRTIO_BLK_F_WRITE_ZEROES.
    static let blockWriteZeroes = bit(14)
}

/// How a block device presents itself, besides its disk.
public struct BlockOptions: Sendable, Equatable {
    /// When written data is safe.
    public enum Cache: Sendable, Equatable {
        /// When the driver flushes; a driver without flush has each write made safe before it is answered.
        case writeBack
        /// Never: no flush is offered and nothing is synchronised. For disks that are thrown away.
        case unsafe
    }

    /// What GET_ID answers: up to 20 bytes of UTF-8, more are cut off. In a Linux guest `/sys/block/vdX/serial`.
    public var identifier: String
    /// When written data is safe.
    public var cache: Cache
    /// Refuse writes, though the disk would take them.
    public var isReadOnly: Bool
    /// The largest queue; a power of two from 4 to 32768.
    public var queueSize: UInt16
    /// What BLK_SIZE shows, bytes; a power of two from 512 on.
    public var blockByteCount: UInt32

    /// The usual settings.
    public init(
        identifier: String = "", cache: Cache = .writeBack, isReadOnly: Bool = false, queueSize: UInt16 = 256,
        blockByteCount: UInt32 = 512
    ) {
        self.identifier = identifier
        self.cache = cache
        self.isReadOnly = isReadOnly
        self.queueSize = queueSize
        self.blockByteCount = blockByteCount
    }

    func features(isReadOnly: Bool) -> VirtioFeatures {
        var features: VirtioFeatures = [.blockSegmentMax, .blockSize, .indirectDescriptors, .eventIndex]
        if cache == .writeBack { features.insert(.blockFlush) }
        if isReadOnly {
            features.insert(.blockReadOnly)
        } else {
            features.formUnion([.blockDiscard, .blockWriteZeroes])
        }
        return features
    }
}
