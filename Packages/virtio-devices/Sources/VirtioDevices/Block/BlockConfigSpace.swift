// SPDX-License-Identifier: Apache-2.0

/// The configuration space of a block device: `struct virtio_blk_config` up to WRITE_ZEROES (virtio 1.2, 5.2.4).
struct BlockConfigSpace {
    static let byteCount = 60

    /// The unit of `capacity` and of every sector number, whatever BLK_SIZE says (5.2.4).
    static let sectorByteCount: UInt64 = 512
    /// 2 GiB: freeing is quick, so one segment may be long.
    static let discardSectorsMax: UInt32 = 1 << 22
    static let discardSegmentsMax: UInt32 = 32
    /// 16 MiB: it may have to be written, and others wait meanwhile.
    static let writeZeroesSectorsMax: UInt32 = 1 << 15
    static let writeZeroesSegmentsMax: UInt32 = 4

    var capacitySectors: UInt64
    var segmentsMax: UInt32
    var blockByteCount: UInt32

    var bytes: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Self.byteCount)
        func put<T: FixedWidthInteger>(_ value: T, at offset: Int) {
            withUnsafeBytes(of: value.littleEndian) { source in
                for (index, byte) in source.enumerated() { bytes[offset + index] = byte }
            }
        }
        put(capacitySectors, at: 0)
        put(segmentsMax, at: 12)
        put(blockByteCount, at: 20)
        put(UInt16(1), at: 34)  // num_queues
        put(Self.discardSectorsMax, at: 36)
        put(Self.discardSegmentsMax, at: 40)
        put(UInt32(max(blockByteCount / 512, 1)), at: 44)  // discard_sector_alignment
        put(Self.writeZeroesSectorsMax, at: 48)
        put(Self.writeZeroesSegmentsMax, at: 52)
        put(UInt8(1), at: 56)  // write_zeroes_may_unmap
        return bytes
    }
}
