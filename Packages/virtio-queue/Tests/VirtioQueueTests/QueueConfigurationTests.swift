// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMemory
import VirtioQueue
import VirtioQueueTestSupport

@Suite struct QueueConfigurationTests {
    /// One thing that a driver may get wrong.
    struct Mistake: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let error: QueueConfigurationError
        let change: @Sendable (inout QueueConfiguration) -> Void

        init(
            _ description: String, _ error: QueueConfigurationError,
            _ change: @escaping @Sendable (inout QueueConfiguration) -> Void
        ) {
            testDescription = description
            self.error = error
            self.change = change
        }
    }

    static let end: UInt64 = 0x1000 + 0x10000

    static let mistakes: [Mistake] = [
        Mistake("not ready", .notReady) { $0.isReady = false },
        Mistake("size zero", .size(0, maximum: 16)) { $0.size = 0 },
        Mistake("size no power of two", .size(12, maximum: 16)) { $0.size = 12 },
        Mistake("size over the maximum", .size(32, maximum: 16)) { $0.size = 32 },
        Mistake("size 65535", .size(65535, maximum: 16)) { $0.size = 65535 },
        Mistake("table misaligned", .misaligned(.descriptorTable, GuestAddress(0x1008))) {
            $0.descriptorTable = GuestAddress(0x1008)
        },
        Mistake("available ring misaligned", .misaligned(.availableRing, GuestAddress(0x2001))) {
            $0.availableRing = GuestAddress(0x2001)
        },
        Mistake("used ring misaligned", .misaligned(.usedRing, GuestAddress(0x3002))) {
            $0.usedRing = GuestAddress(0x3002)
        },
        Mistake("table at 0", .unmapped(.descriptorTable, GuestAddress(0), byteCount: 256)) {
            $0.descriptorTable = GuestAddress(0)
        },
        Mistake("table at the end of 64 bits", .unmapped(.descriptorTable, GuestAddress(~15), byteCount: 256)) {
            $0.descriptorTable = GuestAddress(~15)
        },
        Mistake("table one entry over the end", .unmapped(.descriptorTable, GuestAddress(end - 240), byteCount: 256)) {
            $0.descriptorTable = GuestAddress(end - 240)
        },
        Mistake(
            "available ring two bytes over the end", .unmapped(.availableRing, GuestAddress(end - 36), byteCount: 38)
        ) {
            $0.availableRing = GuestAddress(end - 36)
        },
        Mistake("used ring over the end", .unmapped(.usedRing, GuestAddress(end - 132), byteCount: 134)) {
            $0.usedRing = GuestAddress(end - 132)
        },
    ]

    @Test("a queue that breaks a rule is refused with the rule", arguments: mistakes)
    func refuses(_ mistake: Mistake) throws {
        let driver = try DriverQueue(size: 16, memoryByteCount: 0x10000)
        var configuration = driver.configuration
        mistake.change(&configuration)
        #expect(throws: mistake.error) {
            try configuration.activate(memory: driver.memory, features: driver.features)
        }
    }

    @Test("a maximum of zero, over 32768 or no power of two is refused", arguments: [0, 3, 40000, 65535] as [UInt16])
    func maximumSize(_ maximum: UInt16) throws {
        let driver = try DriverQueue(size: 16)
        var configuration = QueueConfiguration(maximumSize: maximum)
        configuration.isReady = true
        #expect(throws: QueueConfigurationError.maximumSize(maximum)) {
            try configuration.activate(memory: driver.memory, features: [])
        }
    }

    @Test("every power of two up to 32768 is a size", arguments: (0..<16).map { UInt16(1) << UInt16($0) })
    func sizes(_ size: UInt16) throws {
        let queue = try DriverQueue(size: size, memoryByteCount: 2 << 20).activate()
        #expect(queue.size == size)
        #expect(try queue.pop() == nil)
    }

    @Test("a ring that ends with the last byte of memory is accepted")
    func lastByte() throws {
        let driver = try DriverQueue(size: 16, memoryByteCount: 0x10000)
        var configuration = driver.configuration
        configuration.usedRing = GuestAddress(Self.end - 136)
        _ = try configuration.activate(memory: driver.memory, features: [])
    }

    @Test("a ring that reaches into a gap between regions, or from one region into the next, is refused")
    func gaps() throws {
        let ranges = [(0x1000, 0x1000), (0x3000, 0x1000), (0x4000, 0x1000)].compactMap {
            GuestRange(start: GuestAddress($0.0), byteCount: $0.1)
        }
        let memory = try GuestMemory.anonymous(ranges)
        let driver = try DriverQueue(memory: memory, size: 16)
        for address in [0x1f80, 0x2ff0, 0x3f80] as [UInt64] {
            for area in QueueArea.allCases {
                var configuration = driver.configuration
                configuration[area] = GuestAddress(address)
                let byteCount = area.byteCount(queueSize: 16)
                let range = GuestRange(start: GuestAddress(address), byteCount: byteCount)
                let fits = memory.regions.contains { region in range.map(region.range.contains) ?? false }
                if fits {
                    _ = try configuration.activate(memory: memory, features: [])
                } else {
                    #expect(throws: QueueConfigurationError.unmapped(area, GuestAddress(address), byteCount: byteCount))
                    {
                        try configuration.activate(memory: memory, features: [])
                    }
                }
            }
        }
    }

    @Test("a used ring in read-only memory is refused, the other parts may be there")
    func readOnly() throws {
        let low = try #require(GuestRange(start: GuestAddress(0x1000), byteCount: 0x1000))
        let high = try #require(GuestRange(start: GuestAddress(0x8000), byteCount: 0x1000))
        var options = MappingOptions()
        options.isReadOnly = true
        let memory = try GuestMemory(regions: [.anonymous(low), .anonymous(high, options: options)])
        let driver = try DriverQueue(memory: memory, size: 16)
        var configuration = driver.configuration
        configuration.descriptorTable = high.start
        configuration.availableRing = GuestAddress(0x8800)
        _ = try configuration.activate(memory: memory, features: [])
        configuration.usedRing = GuestAddress(0x8c00)
        #expect(throws: QueueConfigurationError.unmapped(.usedRing, GuestAddress(0x8c00), byteCount: 134)) {
            try configuration.activate(memory: memory, features: [])
        }
    }

    @Test("each half of an address register changes its half alone")
    func halves() {
        var configuration = QueueConfiguration(maximumSize: 8)
        for area in QueueArea.allCases {
            configuration.setLow(0x8765_4321, of: area)
            configuration.setHigh(0xfedc_ba98, of: area)
            #expect(configuration[area] == GuestAddress(0xfedc_ba98_8765_4321))
            configuration.setLow(1, of: area)
            #expect(configuration[area] == GuestAddress(0xfedc_ba98_0000_0001))
            configuration.setHigh(2, of: area)
            #expect(configuration[area] == GuestAddress(0x2_0000_0001))
        }
    }

    @Test("after a reset nothing of the old set-up is left, and ready alone exposes no queue")
    func reset() throws {
        let driver = try DriverQueue(size: 16)
        var configuration = driver.configuration
        configuration.size = 8
        configuration.reset()
        #expect(configuration == QueueConfiguration(maximumSize: 16))
        configuration.isReady = true
        #expect(throws: QueueConfigurationError.unmapped(.descriptorTable, GuestAddress(0), byteCount: 256)) {
            try configuration.activate(memory: driver.memory, features: [])
        }
        configuration.availableRing = driver.configuration.availableRing
        #expect(throws: QueueConfigurationError.unmapped(.descriptorTable, GuestAddress(0), byteCount: 256)) {
            try configuration.activate(memory: driver.memory, features: [])
        }
    }
}
