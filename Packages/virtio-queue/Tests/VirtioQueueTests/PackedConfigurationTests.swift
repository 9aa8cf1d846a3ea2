// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMemory
import VirtioQueue
import VirtioQueueTestSupport

@Suite struct PackedConfigurationTests {
    static let features: VirtioFeatures = [.version1, .packedRing]

    @Test("any size up to 32768 is one of a packed ring", arguments: [1, 2, 3, 5, 255, 1000, 32767, 32768] as [UInt16])
    func sizes(_ size: UInt16) throws {
        let driver = try PackedDriverQueue(size: size)
        let queue = try driver.activate()
        #expect(queue.format == .packed && queue.size == size)
        try driver.send([driver.buffer(room: 1)])
        #expect(try queue.pop() != nil)
    }

    @Test("a size of zero, over 32768 or over the maximum is refused")
    func badSizes() throws {
        let driver = try PackedDriverQueue(size: 12)
        var configuration = driver.configuration
        for size in [0, 13, 32769, 65535] as [UInt16] {
            configuration.size = size
            #expect(throws: QueueConfigurationError.size(size, maximum: 12)) {
                try configuration.activate(memory: driver.memory, features: Self.features)
            }
        }
        for size in [0, 32769, 65535] as [UInt16] {
            var configuration = QueueConfiguration(maximumSize: size)
            configuration.isReady = true
            #expect(throws: QueueConfigurationError.maximumSize(size)) {
                try configuration.activate(memory: driver.memory, features: Self.features)
            }
        }
        #expect(throws: QueueConfigurationError.maximumSize(12)) {
            try driver.configuration.activate(memory: driver.memory, features: .version1)
        }
    }

    @Test("each part must be aligned as 2.8.10.1 says, and wholly in one region")
    func parts() throws {
        let driver = try PackedDriverQueue(size: 8)
        for area in QueueArea.allCases {
            var configuration = driver.configuration
            let odd = GuestAddress(driver.configuration[area].rawValue + area.alignment(in: .packed) / 2)
            configuration[area] = odd
            #expect(throws: QueueConfigurationError.misaligned(area, odd)) {
                try configuration.activate(memory: driver.memory, features: Self.features)
            }
            let outside = GuestAddress(0x4000_0000)
            configuration[area] = outside
            let byteCount: UInt64 = area == .descriptorTable ? 128 : 4
            #expect(throws: QueueConfigurationError.unmapped(area, outside, byteCount: byteCount)) {
                try configuration.activate(memory: driver.memory, features: Self.features)
            }
        }
    }

    @Test("ring and device area in read-only memory are refused, the driver area may be there")
    func readOnly() throws {
        let low = try #require(GuestRange(start: GuestAddress(0x1000), byteCount: 0x1000))
        let high = try #require(GuestRange(start: GuestAddress(0x8000), byteCount: 0x1000))
        var options = MappingOptions()
        options.isReadOnly = true
        let memory = try GuestMemory(regions: [.anonymous(low), .anonymous(high, options: options)])
        let driver = try PackedDriverQueue(memory: memory, size: 8)
        for area in QueueArea.allCases {
            var configuration = driver.configuration
            configuration[area] = high.start
            if area == .availableRing {
                _ = try configuration.activate(memory: memory, features: Self.features)
            } else {
                let byteCount: UInt64 = area == .descriptorTable ? 128 : 4
                #expect(throws: QueueConfigurationError.unmapped(area, high.start, byteCount: byteCount)) {
                    try configuration.activate(memory: memory, features: Self.features)
                }
            }
        }
    }

    @Test("the feature is offered by devices that ask for it, not by every one")
    func offer() { #expect(!VirtioFeatures.implementedByQueue.contains(.packedRing)) }

    @Test("a queue that is made again after a reset of the ring begins at slot 0 with the wrap counter 1")
    func ringReset() throws {
        let first = try PackedDriverQueue(size: 3)
        let used = try first.activate()
        for _ in 0..<4 {
            try first.send([first.buffer(room: 1)])
            let head = try #require(try used.pop()).head
            used.push(head, written: 0)
            _ = try first.takeUsed()
        }
        let again = try PackedDriverQueue(memory: first.memory, size: 3)
        let queue = try again.activate()
        #expect(queue.save().nextAvailable == 0x8000 && queue.save().nextUsed == 0x8000)
        #expect(try queue.pop() == nil)
        let id = try again.send([again.buffer(room: 1)])
        #expect(try queue.pop()?.head.index == id)
    }
}
