// SPDX-License-Identifier: Apache-2.0
internal import VMMemory
internal import VirtioQueue
internal import VirtioQueueTestSupport

/// One thing that a driver does wrong, or to its limit.
enum SweepPoint {
    /// Writes a value to an offset of the page, when the driver is at a status, and reads it back.
    case register(status: UInt32, offset: UInt64, width: Int, value: UInt64)
    /// Puts a good chain into a queue, changes one field of the rings, and rings the doorbell.
    case field(queue: Int, RingField, value: UInt64)
    /// Puts a chain of some shape into a queue, and rings the doorbell.
    case shape(queue: Int, HostileChain)

    /// The status at which it happens.
    var status: UInt32 {
        if case .register(let status, _, _, _) = self { status } else { 0xf }
    }

    /// Those of the registers of a device.
    static func registers(queueSizes: [UInt16]) -> [SweepPoint] {
        var points: [SweepPoint] = []
        let sizes = queueSizes.flatMap { [UInt64($0) - 1, UInt64($0), UInt64($0) + 1] }
        let count = UInt64(queueSizes.count)
        let values = Set(sizes + [0, 1, count - 1, count, count + 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff]).sorted()
        // Every register and every gap; the configuration space's first bytes, its end and the page's.
        let offsets = Array(stride(from: 0 as UInt64, to: 0x140, by: 4)) + [0xffc, 0x1000]
        for status in [0, 1, 3, 0xb, 0xf, 0x4f, 0x8f, 0x83] as [UInt32] {
            for offset in offsets {
                for value in values { points.append(.register(status: status, offset: offset, width: 4, value: value)) }
                for width in [1, 2, 8] {
                    points.append(.register(status: status, offset: offset, width: width, value: .max))
                }
                points.append(.register(status: status, offset: offset, width: 8, value: 1 << 63))
                points.append(.register(status: status, offset: offset + 2, width: 4, value: 1))
            }
        }
        return points
    }

    /// Those of the queues of a device.
    static func queues(sizes: [UInt16], isPacked: Bool) -> [SweepPoint] {
        var points: [SweepPoint] = []
        for (queue, size) in sizes.enumerated() {
            for field in RingField.all(size: size, isPacked: isPacked) {
                for value in field.values(size: size) { points.append(.field(queue: queue, field, value: value)) }
            }
            for shape in HostileChain.allCases { points.append(.shape(queue: queue, shape)) }
        }
        return points
    }
}

extension SweepPoint: CustomStringConvertible {
    var description: String {
        func hex(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }
        switch self {
        case .register(let status, let offset, let width, let value):
            return "\(hex(value)) in \(width) bytes at offset \(hex(offset)), status \(hex(UInt64(status)))"
        case .field(let queue, let field, let value):
            return "\(hex(value)) in \(field.place) byte \(field.offset) of queue \(queue)"
        case .shape(let queue, let chain): return "\(chain.rawValue) in queue \(queue)"
        }
    }
}

/// A field of a queue in guest memory, of either side.
struct RingField {
    enum Place: Equatable {
        /// The chain's first descriptor, or its second.
        case descriptor(Int)
        /// An entry of an indirect table.
        case indirect(Int)
        case available
        case used
    }

    let place: Place
    let offset: UInt64
    let width: Int

    /// virtio 1.2, 2.7.5 to 2.7.8; 2.8.9, 2.8.10.
    static func all(size: UInt16, isPacked: Bool) -> [RingField] {
        var fields: [RingField] = []
        for entry in 0..<2 {
            for place in [Place.descriptor(entry), .indirect(entry)] {
                // Address, length, then flags and next, or id and flags.
                fields += [(0, 8), (8, 4), (12, 2), (14, 2)].map { RingField(place: place, offset: $0, width: $1) }
            }
        }
        if isPacked {
            for place in [Place.available, .used] {
                fields += [0, 2].map { RingField(place: place, offset: $0, width: 2) }
            }
        } else {
            let end = UInt64(size)
            fields += [0, 2, 4, 6, 4 + 2 * end].map { RingField(place: .available, offset: $0, width: 2) }
            fields += [(0, 2), (2, 2), (4, 4), (8, 4), (4 + 8 * end, 2)].map {
                RingField(place: .used, offset: $0, width: $1)
            }
        }
        return fields
    }

    /// Around every limit that a field of such a width may have. The memory is 16 MiB from 0x1000 on, and
    /// what is above the gap.
    func values(size: UInt16) -> [UInt64] {
        let end: UInt64 = 0x1000 + 16 << 20
        let size = UInt64(size)
        switch width {
        case 8:
            let high = MMIODriver.highMemory.rawValue
            return [
                0, 1, 0xfff, end - 64, end - 63, end - 1, end, end + 1, high - 63, high, 1 << 31, 1 << 63, .max - 63,
                .max,
            ]
        case 4: return [0, 1, 15, 16, 17, 63, 64, 65, 16 << 20, 0x7fff_ffff, 0x8000_0000, 0xffff_fff0, 0xffff_ffff]
        default:
            return [0, 1, 2, 3, 4, 5, 6, 7, size - 1, size, size + 1, 0x80, 0x7fff, 0x8000, 0x8080, 0xffff]
        }
    }
}

extension RingField.Place: CustomStringConvertible {
    var description: String {
        switch self {
        case .descriptor(let index): "descriptor \(index)"
        case .indirect(let index): "indirect entry \(index)"
        case .available: "the available ring"
        case .used: "the used ring"
        }
    }
}

extension DriverRing {
    /// Puts a good chain in and changes one field afterwards.
    func offer(changing field: RingField, to value: UInt64) throws(GuestMemoryError) {
        let first = firstDescriptor
        let source = try buffer(of: [UInt8](repeating: 0, count: 64))
        let isIndirect = if case .indirect = field.place { true } else { false }
        guard try send([source, buffer(room: 64)], isIndirect: isIndirect) != nil else { return }
        let base: UInt64
        switch field.place {
        case .descriptor(let index): base = try descriptor(index, ofChainAt: first).rawValue
        case .indirect(let index):
            let table = try memory.load(UInt64.self, at: descriptor(0, ofChainAt: first))
            base = table &+ 16 &* UInt64(index)
        case .available: base = configuration.availableRing.rawValue
        case .used: base = configuration.usedRing.rawValue
        }
        let address = GuestAddress(base &+ field.offset)
        switch field.width {
        case 8: try memory.store(value, at: address)
        case 4: try memory.store(UInt32(truncatingIfNeeded: value), at: address)
        default: try memory.store(UInt16(truncatingIfNeeded: value), at: address)
        }
    }
}
