// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMSysUtil
import VMMemory
import VirtioDevices
import VirtioDevicesTestSupport
import VirtioModel
import VirtioQueue
import VirtioQueueTestSupport

/// A driver sees that a device waits for a reset (virtio 1.2, 2.1.2); the transport's user hears why.
@Suite struct FaultTests {
    @Test("a start that fails is told with its error, at each attempt")
    func activation() throws {
        let device = ProbeDevice()
        let driver = try MMIODriver(device)
        try driver.start()
        #expect(driver.faults.all == [])
        device.failure = .host(.noMemory)
        try driver.start()
        device.failure = .features([.version1])
        try driver.start()
        #expect(driver.faults.all == [.activation(.host(.noMemory)), .activation(.features([.version1]))])

        let bare = try MMIODriver(EntropyDevice())
        try bare.start(only: [])
        #expect(bare.faults.all == [.activation(.missingQueue(index: 0))])
    }

    @Test("a queue that is not valid is told with its number and its rule, at the start and after its reset")
    func invalidQueue() throws {
        var bad = QueueConfiguration(maximumSize: 16)
        bad.size = 3
        let fault = DeviceFault.activation(.queue(index: 0, .size(3, maximum: 16)))
        let driver = try MMIODriver(EntropyDevice(queueSize: 16))
        driver.negotiate()
        driver.setUp(0, bad)
        driver.status = 0xf
        #expect(driver.faults.all == [fault])
        try driver.start()
        driver.resetQueue(0)
        driver.setUp(0, bad)
        #expect(driver.status == 0x4f && driver.faults.all == [fault, fault])
    }

    @Test("a broken ring is told once until the reset, whatever is rung or broken besides, and again after it")
    func brokenRing() throws {
        let driver = try MMIODriver(EntropyDevice(queueSize: 16))
        let fault = DeviceFault.queue(index: 0, .availableIndexRanAhead(available: 1000, next: 0, size: 16))
        for round in 1...3 {
            try driver.start()
            let queue = try #require(driver.queue(0))
            try queue.setAvailableIndex(1000)
            for _ in 0..<3 { driver.notify(0) }
            #expect(driver.status == 0x4f)
            #expect(driver.faults.all == Array(repeating: fault, count: round))
        }
    }

    @Test("what a device says once its driver has reset it is nobody's fault, and is not told")
    func afterReset() throws {
        let device = ProbeDevice()
        let driver = try MMIODriver(device)
        try driver.start()
        let interrupt = try #require(device.activation?.interrupt)
        driver.status = 0
        interrupt.needsReset(.activation(.host(.noMemory)))
        #expect(driver.status == 0 && driver.faults.all == [])
    }

    @Test("a fault is one line that says which queue and which rule")
    func description() {
        #expect(
            DeviceFault.queue(index: 1, .availableIndexRanAhead(available: 1000, next: 0, size: 16)).description
                == "queue 1: available index 1000 is not within 16 of 0")
        #expect(
            DeviceFault.activation(.missingQueue(index: 2)).description
                == "cannot start: queue 2 is needed and was not set up")
    }
}
