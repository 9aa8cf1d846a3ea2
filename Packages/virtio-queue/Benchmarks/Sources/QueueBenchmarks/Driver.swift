// SPDX-License-Identifier: Apache-2.0
internal import CBaseline
internal import VMMemory
internal import VirtioQueue
internal import VirtioQueueTestSupport

/// The driver's side of a scenario: it offers the same chains over and over, for as little as that can cost.
final class Driver {
    let memory: GuestMemory
    let configuration: QueueConfiguration
    let features: VirtioFeatures

    private let format: RingFormat
    /// Of a split ring, the available ring, which names the chains over and over: to offer them again is one store.
    private let available: UnsafeMutablePointer<UInt8>
    @exclusivity(unchecked) private var index: UInt16 = 0
    private let chains: UInt16
    /// Of a packed ring, the descriptors of all chains as they are in the first round and then in the second; they are
    /// copied into the ring, whose size they divide.
    private let ring: UnsafeMutablePointer<UInt8>
    private let rounds: UnsafeMutablePointer<UInt8>
    private let slots: Int
    @exclusivity(unchecked) private var slot = 0

    init(_ scenario: Scenario) throws {
        format = scenario.format
        chains = UInt16(scenario.chains)
        slots = scenario.isIndirect ? scenario.chains : scenario.chains * scenario.length
        rounds = .allocate(capacity: 32 * slots)
        switch format {
        case .split:
            let driver = try DriverQueue(size: 256)
            (memory, configuration, features) = (driver.memory, driver.configuration, driver.features)
            let heads = try Self.chains(of: scenario, in: driver) {
                try driver.add($0, isIndirect: scenario.isIndirect)
            }
            for slot in 0..<256 as Range<Int> {
                try driver.setAvailableEntry(UInt16(slot), heads[slot % heads.count])
            }
        case .packed:
            let driver = try PackedDriverQueue(size: 128)
            (memory, configuration, features) = (driver.memory, driver.configuration, driver.features)
            _ = try Self.chains(of: scenario, in: driver) { try driver.add($0, isIndirect: scenario.isIndirect) }
            try driver.publish()
        }
        available = try pointer(to: configuration.availableRing, in: memory)
        ring = try pointer(to: configuration.descriptorTable, in: memory)
        guard format == .packed else { return }
        for round in 0..<2 {
            let copy = rounds + 16 * slots * round
            copy.update(from: ring, count: 16 * slots)
            // AVAIL and USED change places in each round; they are bit 7 of the last two bytes.
            for slot in 0..<slots where round == 1 {
                copy[16 * slot + 14] ^= 0x80
                copy[16 * slot + 15] ^= 0x80
            }
        }
        try memory.fill(0, at: configuration.descriptorTable, byteCount: 16 * UInt64(configuration.size))
    }

    deinit { rounds.deallocate() }

    /// Offers all chains of the scenario again.
    func offer() {
        switch format {
        case .split:
            index &+= chains
            baseline_offer(available, index)
        case .packed:
            let size = Int(configuration.size)
            let round = slot / size % 2
            baseline_offer_packed(ring + 16 * (slot % size), rounds + 16 * slots * round, UInt32(slots))
            slot &+= slots
        }
    }

    private static func chains(
        of scenario: Scenario, in driver: some RingDriver, add: ([DriverQueue.Buffer]) throws -> UInt16?
    ) throws -> [UInt16] {
        var heads: [UInt16] = []
        for _ in 0..<scenario.chains {
            let buffers = (0..<scenario.length).map { index in
                let buffer = DriverQueue.Buffer(driver.allocate(64), 64, isWritable: index * 2 >= scenario.length)
                // Not adjacent, as buffers of a driver are.
                _ = driver.allocate(16)
                return buffer
            }
            if let head = try add(buffers) { heads.append(head) }
        }
        return heads
    }
}

func pointer(to address: GuestAddress, in memory: GuestMemory) throws -> UnsafeMutablePointer<UInt8> {
    guard let region = memory.region(containing: address), let offset = address.offset(from: region.range.start)
    else { throw Disagreement() }
    return (region.hostAddress + Int(offset)).assumingMemoryBound(to: UInt8.self)
}
