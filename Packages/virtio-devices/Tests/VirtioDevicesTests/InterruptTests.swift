// SPDX-License-Identifier: Apache-2.0
import Synchronization
import Testing
import VMMSysUtil
import VMMemory
import VirtioDevices
import VirtioDevicesTestSupport
import VirtioModel
import VirtioQueueTestSupport

/// How a transport tells the driver (virtio 1.2, 4.2.2 and 4.2.3.4); `MMIOTransportTests` has the registers.
@Suite struct InterruptTests {
    /// A guest whose handler runs on another CPU, in the very moment of the edge: it reads the interrupt status.
    private final class Handler: InterruptTrigger {
        private let transport = Mutex<MMIOTransport?>(nil)
        private let found = Mutex<[UInt64]>([])

        func listen(to transport: MMIOTransport) { self.transport.withLock { $0 = transport } }
        func trigger() {
            guard let transport = transport.withLock({ $0 }) else { return }
            let status = transport.read(offset: MMIODriver.Register.interruptStatus, size: 4)
            found.withLock { $0.append(status) }
            transport.write(offset: MMIODriver.Register.interruptACK, value: status, size: 4)
        }
        func take() -> [UInt64] {
            found.withLock { all in
                defer { all = [] }
                return all
            }
        }
    }

    @Test("the status has its bit before the line is raised, whoever raises it")
    func bitFirst() throws {
        let device = ProbeDevice()
        let start = GuestAddress(0x1000)
        let memory = try GuestMemory.anonymous([try #require(GuestRange(start: start, byteCount: 1 << 20))])
        let handler = Handler()
        let transport = MMIOTransport(
            device: device, memory: memory, executor: ImmediateExecutor(), events: ManualEventRegistry(),
            trigger: handler)
        handler.listen(to: transport)
        func write(_ register: UInt64, _ value: UInt64) { transport.write(offset: register, value: value, size: 4) }
        for status in [1, 3] as [UInt64] { write(MMIODriver.Register.status, status) }
        write(MMIODriver.Register.driverFeaturesSelect, 1)
        write(MMIODriver.Register.driverFeatures, 1)
        for status in [0xb, 0xf] as [UInt64] { write(MMIODriver.Register.status, status) }
        let interrupt = try #require(device.activation).interrupt
        interrupt.signalQueue(0)
        #expect(handler.take() == [1])
        interrupt.signalConfiguration()
        #expect(handler.take() == [2])
        try #require(device.host).configuration.publish([9])
        #expect(handler.take() == [2])
        interrupt.needsReset(.activation(.host(.noMemory)))
        #expect(handler.take() == [2])
        // 2.1.2: the driver finds out why.
        #expect(transport.read(offset: MMIODriver.Register.status, size: 4) == 0x4f)
    }

    @Test("an eventfd as the line adds one for each edge, and a full one holds nobody up")
    func eventFD() throws {
        let event = try EventFD()
        let trigger = EventFDTrigger(try event.duplicate())
        for _ in 0..<3 { trigger.trigger() }
        #expect(try event.read() == 3)
        #expect(try event.read() == nil)
        try event.write(.max - 1)
        trigger.trigger()
        #expect(try event.read() == .max - 1)
    }
}
