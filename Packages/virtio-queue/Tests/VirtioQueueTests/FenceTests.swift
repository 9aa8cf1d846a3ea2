// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMemory
import VirtioQueue
import VirtioQueueTestSupport

/// Both sides store and then load at the same moment, round after round: at least one must see the other, in a split
/// ring (2.7.7, 2.7.10) and in a packed one (2.8.10).
@Suite(.serialized) struct FenceTests {
    @Test("a chain that comes while the doorbell is switched on is seen, or rung for", arguments: [true, false])
    func doorbell(_ hasEventIndex: Bool) throws {
        let driver = try DriverQueue(size: 4, features: hasEventIndex ? [.version1, .eventIndex] : [.version1])
        let handed = Handed(queue: try driver.activate())
        for index in 0..<4 as Range<UInt16> { try driver.setAvailableEntry(index, 0) }
        let available = try Field(driver.memory, driver.configuration.availableRing, 2)
        let event = try Field(driver.memory, driver.configuration.usedRing, 4 + 8 * 4)
        let flags = try Field(driver.memory, driver.configuration.usedRing, 0)
        let rounds = Rounds { _ in
            let saw = handed.queue.enableNotifications()
            // Take it before the next round, whoever saw it.
            handed.takeOne()
            return saw
        }
        let lost = rounds.lost { round in
            handed.queue.disableNotifications()
            let new = UInt16(truncatingIfNeeded: round)
            return {
                available.store(new)
                return hasEventIndex ? new &- event.value &- 1 < 1 : flags.value & 1 == 0
            }
        }
        #expect(lost == 0, "so often both would sleep for ever")
    }

    @Test(
        "a used entry that comes while the driver asks for an interrupt is seen, or signalled",
        arguments: [true, false])
    func interrupt(_ hasEventIndex: Bool) throws {
        let driver = try DriverQueue(size: 4, features: hasEventIndex ? [.version1, .eventIndex] : [.version1])
        let handed = Handed(queue: try driver.activate())
        for index in 0..<4 as Range<UInt16> { try driver.setAvailableEntry(index, 0) }
        let available = try Field(driver.memory, driver.configuration.availableRing, 2)
        let event = try Field(driver.memory, driver.configuration.availableRing, 4 + 2 * 4)
        let flags = try Field(driver.memory, driver.configuration.availableRing, 0)
        let used = try Field(driver.memory, driver.configuration.usedRing, 2)
        event.store(65535)
        let rounds = Rounds { _ in
            handed.takeOne()
            return handed.queue.shouldSignalDriver()
        }
        let lost = rounds.lost { round in
            let old = UInt16(truncatingIfNeeded: round - 1)
            flags.store(1)
            available.store(old &+ 1)
            return {
                if hasEventIndex { event.store(old) } else { flags.store(0) }
                return used.value != old
            }
        }
        #expect(lost == 0, "so often both would sleep for ever")
    }

    @Test(
        "a chain that comes while a device serves what is there and goes to sleep is served, or rung for",
        arguments: [RingFormat.split, .packed])
    func sleep(_ format: RingFormat) throws {
        // Without the event index, as the old event of a split ring would be rung for whatever the device does.
        let split = try DriverQueue(size: 4, features: .version1)
        for index in 0..<4 as Range<UInt16> { try split.setAvailableEntry(index, 0) }
        let available = try Field(split.memory, split.configuration.availableRing, 2)
        let packed = try Packed(false)
        let handed = format == .split ? Handed(queue: try split.activate()) : packed.handed
        let flags =
            format == .split
            ? try Field(split.memory, split.configuration.usedRing, 0)
            : try Field(packed.driver.memory, packed.driver.configuration.usedRing, 2)
        let rounds = Rounds { _ in
            if handed.serve() { return true }
            handed.takeOne()
            return false
        }
        let lost = rounds.lost { round in
            let slot = packed.slot(round)
            return {
                if format == .split {
                    available.store(UInt16(truncatingIfNeeded: round))
                } else {
                    slot.flags.store(slot.offered)
                }
                return flags.value == 0
            }
        }
        #expect(lost == 0, "so often both would sleep for ever")
    }

    /// A packed ring of 4, one descriptor of which is offered in each round.
    private struct Packed {
        let driver: PackedDriverQueue
        let handed: Handed
        let slots: [Field]

        init(_ hasEventIndex: Bool) throws {
            let features: VirtioFeatures = [.version1, .packedRing]
            let driver = try PackedDriverQueue(
                size: 4, features: hasEventIndex ? features.union(.eventIndex) : features)
            self.driver = driver
            handed = Handed(queue: try driver.activate())
            slots = try (0..<4 as Range<UInt64>).map { try Field(driver.memory, driver.slotAddress($0), 14) }
        }

        /// The flags of a round's descriptor, and what they are once it is offered and once it is used.
        func slot(_ round: Int) -> (flags: Field, offered: UInt16, used: UInt16, position: UInt16) {
            let slot = UInt64(round - 1)
            return (
                slots[Int(slot % 4)], driver.offered(slot), driver.isWrapped(slot) ? 0x8080 : 0,
                driver.position(slot).rawValue
            )
        }
    }

    @Test(
        "a chain that comes to a packed ring while the doorbell is switched on is seen, or rung for",
        arguments: [true, false])
    func packedDoorbell(_ hasEventIndex: Bool) throws {
        let ring = try Packed(hasEventIndex)
        let handed = ring.handed
        let event = try Field(ring.driver.memory, ring.driver.configuration.usedRing, 0)
        let flags = try Field(ring.driver.memory, ring.driver.configuration.usedRing, 2)
        let rounds = Rounds { _ in
            let saw = handed.queue.enableNotifications()
            handed.takeOne()
            return saw
        }
        let lost = rounds.lost { round in
            handed.queue.disableNotifications()
            let slot = ring.slot(round)
            return {
                slot.flags.store(slot.offered)
                let wish = flags.value
                return wish == 2 ? event.value == slot.position : wish == 0
            }
        }
        #expect(lost == 0, "so often both would sleep for ever")
    }

    @Test(
        "a descriptor of a packed ring that is used while the driver asks for an interrupt is seen, or signalled",
        arguments: [true, false])
    func packedInterrupt(_ hasEventIndex: Bool) throws {
        let ring = try Packed(hasEventIndex)
        let handed = ring.handed
        let event = try Field(ring.driver.memory, ring.driver.configuration.availableRing, 0)
        let flags = try Field(ring.driver.memory, ring.driver.configuration.availableRing, 2)
        let rounds = Rounds { _ in
            handed.takeOne()
            return handed.queue.shouldSignalDriver()
        }
        let lost = rounds.lost { round in
            let slot = ring.slot(round)
            flags.store(1)
            event.store(slot.position)
            slot.flags.store(slot.offered)
            return {
                flags.store(hasEventIndex ? 2 : 0)
                return slot.flags.value & 0x8080 == slot.used
            }
        }
        #expect(lost == 0, "so often both would sleep for ever")
    }
}
