// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMemory
import VirtioDevices
import VirtioDevicesTestSupport
import VirtioModel
import VirtioQueue
import VirtioQueueTestSupport

@Suite struct EntropyDeviceTests {
    @Test("every buffer of a chain is filled, and the length says so")
    func fills() throws {
        let driver = try MMIODriver(EntropyDevice())
        try driver.start()
        let queue = try #require(driver.queue(0))
        let buffers = [queue.buffer(room: 100), queue.buffer(room: 1), queue.buffer(room: 300)]
        try queue.send(buffers)
        driver.notify(0)
        #expect(try queue.takeUsed()?.written == 401)
        // 300 zeros would come once in 2^2400.
        #expect(try queue.bytes(of: buffers[2]).contains { $0 != 0 })
        #expect(driver.takeInterrupts() == 1)
    }

    @Test("a request gets 64 KiB at most, also if all its descriptors name one buffer")
    func capped() throws {
        let driver = try MMIODriver(EntropyDevice())
        try driver.start()
        let queue = try #require(driver.queue(0))
        let buffer = queue.buffer(room: 0x10000)
        for chain in [[buffer, buffer, buffer], Array(repeating: buffer, count: 64)] {
            try queue.send(chain)
            driver.notify(0)
            #expect(try queue.takeUsed()?.written == 0x10000)
        }
    }

    @Test("a chain with nothing to fill goes back with length 0, and the next is served")
    func nothingToFill() throws {
        let driver = try MMIODriver(EntropyDevice())
        try driver.start()
        let queue = try #require(driver.queue(0))
        try queue.send([try queue.buffer(of: [1, 2])])
        try queue.send([DriverQueue.Buffer(GuestAddress(0xffff_f000), 10, isWritable: true)])
        try queue.send([queue.buffer(room: 5)])
        driver.notify(0)
        #expect(try queue.takeUsed()?.written == 0)
        #expect(try queue.takeUsed()?.written == 0)
        #expect(try queue.takeUsed()?.written == 5)
        #expect(driver.status == 0xf)
    }

    @Test("one turn is bounded, and what is left is served in the next")
    func bounded() throws {
        let executor = ManualExecutor()
        let driver = try MMIODriver(EntropyDevice(), executor: executor)
        try driver.start()
        executor.run()
        let queue = try #require(driver.queue(0))
        let buffer = queue.buffer(room: 8)
        for _ in 0..<64 { _ = try queue.add([buffer]) }
        try queue.publish()
        driver.notify(0)
        #expect(executor.runOne())
        var count = 0
        while try queue.takeUsed() != nil { count += 1 }
        #expect(count == 16)
        executor.run()
        while try queue.takeUsed() != nil { count += 1 }
        #expect(count == 64)
    }
}
