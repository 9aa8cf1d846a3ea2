// SPDX-License-Identifier: Apache-2.0
internal import VMMSysUtil
internal import VirtioQueue

/// A request that a driver made, checked: whoever holds one has nothing left to check but what the disk answers.
enum BlockRequest {
    /// Fill `target` from this byte of the disk on.
    case read(byteOffset: UInt64, target: ChainWriter)
    /// Write `source` from this byte of the disk on.
    case write(byteOffset: UInt64, source: ChainReader)
    case flush
    /// Put 20 bytes of identifier into `target`.
    case getID(target: ChainWriter)
    case discard([Extent])
    case writeZeroes([Extent])

    /// A range of the disk in bytes.
    struct Extent: Equatable {
        var byteOffset: UInt64
        var byteCount: UInt64
        var mayUnmap = false
    }

    /// The request types of virtio 1.2, 5.2.6.
    enum Kind {
        static let read: UInt32 = 0
        static let write: UInt32 = 1
        static let flush: UInt32 = 4
        static let getID: UInt32 = 8
        static let discard: UInt32 = 11
        static let writeZeroes: UInt32 = 13
    }

    /// What a disk allows.
    struct Limits {
        var capacitySectors: UInt64
        var isReadOnly: Bool
        var features: VirtioFeatures
    }

    /// Why there is no request in a chain, and with that the answer to it.
    enum Malformed: Error, Equatable {
        /// The device can write no status byte; the chain goes back with length 0.
        case noStatusByte
        /// Fewer than 16 readable bytes.
        case headerTooShort
        /// The data runs against the direction of the request: a read with data to read, a write with room to write.
        case wrongDirection
        /// A transfer of no bytes, or of part of a sector.
        case badLength(UInt64)
        /// Sectors that the disk does not have.
        case outOfRange(sector: UInt64, byteCount: UInt64)
        /// A write, discard or zeroing of a read-only disk.
        case readOnly
        /// A flush with a sector number.
        case sectorOnFlush(UInt64)
        /// Less room than an identifier needs.
        case identifierTooShort(UInt64)
        /// The list of segments is empty, too long, or ends within a segment.
        case badSegments(byteCount: UInt64)
        /// One segment is longer than the configuration space allows.
        case segmentTooLong(sectors: UInt32)
        /// A type or a flag that is not known, or a type that was not negotiated.
        case unsupported

        /// The status byte of virtio 1.2, 5.2.6.
        var status: BlockStatus { self == .unsupported ? .unsupported : .ioError }
    }

    /// The data of a read or a write.
    var transferByteCount: UInt64 {
        switch self {
        case .read(_, let target): target.remaining
        case .write(_, let source): source.remaining
        case .flush, .getID, .discard, .writeZeroes: 0
        }
    }

    /// Bytes of the disk that may have to be written although they are in no chain.
    var zeroedByteCount: UInt64 {
        guard case .writeZeroes(let extents) = self else { return 0 }
        return extents.reduce(0) { $0 &+ $1.byteCount }
    }

    static let identifierByteCount: UInt64 = 20
    private static let headerByteCount: UInt64 = 16
    private static let segmentByteCount: UInt64 = 16

    /// Reads the request out of a chain; each byte of the guest's once, in no matter how many pieces (virtio 1.2, 2.7.4.1).
    init(_ chain: ChainBuffers, limits: Limits) throws(Malformed) {
        // 5.2.6: type (4), reserved (4), sector (8), data, and the status, which is the last byte the device may write.
        guard chain.writableByteCount >= 1 else { throw .noStatusByte }
        var source = chain.reader
        guard source.remaining >= Self.headerByteCount, let kind = source.read(UInt32.self),
            source.skip(4) == 4, let sector = source.read(UInt64.self)
        else { throw .headerTooShort }
        var writer = chain.writer
        guard let target = writer.split(chain.writableByteCount &- 1) else { throw .noStatusByte }

        switch kind {
        case Kind.read:
            guard source.remaining == 0 else { throw .wrongDirection }
            let offset = try Self.byteOffset(sector, byteCount: target.remaining, limits)
            self = .read(byteOffset: offset, target: target)
        case Kind.write:
            guard target.remaining == 0 else { throw .wrongDirection }
            // 5.2.6.2: no data is written if RO was offered.
            guard !limits.isReadOnly else { throw .readOnly }
            let offset = try Self.byteOffset(sector, byteCount: source.remaining, limits)
            self = .write(byteOffset: offset, source: source)
        case Kind.flush where limits.features.contains(.blockFlush):
            // 5.2.6.1: a driver sets the sector of a flush to 0. Data it may have or not; nobody looks at it.
            guard sector == 0 else { throw .sectorOnFlush(sector) }
            self = .flush
        case Kind.getID:
            guard source.remaining == 0 else { throw .wrongDirection }
            guard target.remaining >= Self.identifierByteCount else { throw .identifierTooShort(target.remaining) }
            self = .getID(target: target)
        case Kind.discard where limits.features.contains(.blockDiscard):
            self = .discard(
                try Self.extents(
                    &source, limits, segmentsMax: BlockConfigSpace.discardSegmentsMax,
                    sectorsMax: BlockConfigSpace.discardSectorsMax, flagsMask: 0))
        case Kind.writeZeroes where limits.features.contains(.blockWriteZeroes):
            self = .writeZeroes(
                try Self.extents(
                    &source, limits, segmentsMax: BlockConfigSpace.writeZeroesSegmentsMax,
                    sectorsMax: BlockConfigSpace.writeZeroesSectorsMax, flagsMask: 1))
        default:
            throw .unsupported
        }
    }

    /// 5.2.6.1: whole sectors, and none past the end.
    private static func byteOffset(
        _ sector: UInt64, byteCount: UInt64, _ limits: Limits
    ) throws(Malformed) -> UInt64 {
        guard byteCount > 0, byteCount % BlockConfigSpace.sectorByteCount == 0 else { throw .badLength(byteCount) }
        return try byteOffset(sector, sectors: byteCount / BlockConfigSpace.sectorByteCount, limits)
    }

    private static func byteOffset(
        _ sector: UInt64, sectors: UInt64, _ limits: Limits
    ) throws(Malformed) -> UInt64 {
        let (end, overflows) = sector.addingReportingOverflow(sectors)
        guard !overflows, end <= limits.capacitySectors else {
            throw .outOfRange(sector: sector, byteCount: sectors &* BlockConfigSpace.sectorByteCount)
        }
        // The capacity is a number of bytes divided by 512, so this cannot overflow.
        return sector &* BlockConfigSpace.sectorByteCount
    }

    /// Reads `struct virtio_blk_discard_write_zeroes` until the data ends: sector (8), number of sectors (4), flags (4).
    private static func extents(
        _ source: inout ChainReader, _ limits: Limits, segmentsMax: UInt32, sectorsMax: UInt32, flagsMask: UInt32
    ) throws(Malformed) -> [Extent] {
        guard !limits.isReadOnly else { throw .readOnly }
        let byteCount = source.remaining
        guard byteCount > 0, byteCount % segmentByteCount == 0, byteCount / segmentByteCount <= UInt64(segmentsMax)
        else { throw .badSegments(byteCount: byteCount) }
        var extents: [Extent] = []
        extents.reserveCapacity(Int(byteCount / segmentByteCount))
        while let sector = source.read(UInt64.self), let sectors = source.read(UInt32.self),
            let flags = source.read(UInt32.self)
        {
            // 5.2.6.2: unknown flags, and unmap on a discard, are answered with UNSUPP.
            guard flags & ~flagsMask == 0 else { throw .unsupported }
            guard sectors <= sectorsMax else { throw .segmentTooLong(sectors: sectors) }
            let offset = try byteOffset(sector, sectors: UInt64(sectors), limits)
            extents.append(
                Extent(
                    byteOffset: offset, byteCount: UInt64(sectors) &* BlockConfigSpace.sectorByteCount,
                    mayUnmap: flags & 1 != 0))
        }
        return extents
    }
}
