// SPDX-License-Identifier: Apache-2.0
import Synchronization
import Testing
import VMMSysUtil
import VMMemory
import VirtioDevices
import VirtioDevicesTestSupport
import VirtioModel
import VirtioQueue
import VirtioQueueTestSupport

/// A device that notices when it is called in an order, or on a thread, that it must not be.
private final class StrictDevice: QueueResettableDevice {
    let faults = Fault()
    private var isActive = false
    private var live: Set<UInt16> = []
    private var thread: Int32?

    final class Fault: Sendable {
        let count = Atomic<Int>(0)
        let activations = Atomic<Int>(0)
        let restarts = Atomic<Int>(0)
    }

    let deviceID = DeviceID(rawValue: 44)
    let queueMaximumSizes: [UInt16] = [16, 16]
    let offeredFeatures: VirtioFeatures = []
    let initialConfiguration = [UInt8](repeating: 0, count: 16)

    private func enter(_ isRight: Bool) {
        let current = Thread.currentID
        if !isRight || (thread != nil && thread != current) { faults.count.wrappingAdd(1, ordering: .relaxed) }
        thread = current
    }

    func attach(to host: DeviceHost) {}
    func activate(_ activation: Activation) throws(ActivationError) {
        enter(!isActive)
        isActive = true
        live = Set(activation.queues.indices.filter { activation.queues[$0] != nil }.map(UInt16.init))
        faults.activations.wrappingAdd(1, ordering: .relaxed)
    }
    func resetQueue(_ index: UInt16) { enter(isActive && live.remove(index) != nil) }
    func restartQueue(_ index: UInt16, _ queue: Queue) {
        enter(isActive && live.insert(index).inserted)
        faults.restarts.wrappingAdd(1, ordering: .relaxed)
    }
    func queueNotified(_ index: UInt16) -> QueueService {
        enter(isActive)
        return .drained
    }
    func writeConfiguration(_ bytes: [UInt8], atByteOffset offset: Int) { enter(true) }
    func reset() {
        enter(true)
        isActive = false
    }
}

@Suite struct ConcurrencyTests {
    @Test(
        "vCPUs that start, notify, write and reset, queues too, at once never reach a device twice, or after its reset")
    func manyVCPUs() throws {
        let device = StrictDevice()
        let faults = device.faults
        let executor = try ThreadExecutor()
        let driver = try MMIODriver(device, executor: executor)
        let transport = driver.transport
        let configuration = try DriverQueue(memory: driver.memory, size: 16).configuration
        var threads: [Box] = []
        for number in 0..<4 {
            let thread = try Thread(name: "vcpu\(number)") {
                var random = SeededGenerator(seed: UInt64(number))
                for _ in 0..<20_000 {
                    let value = random.next()
                    switch value % 16 {
                    case 0 where value >> 32 & 7 == 0: transport.write(offset: 0x70, value: 0, size: 4)
                    case 1: transport.write(offset: 0x100, value: value, size: 4)
                    case 2...4: transport.write(offset: 0x50, value: value >> 8 & 1, size: 4)
                    case 5:
                        for area in QueueArea.allCases {
                            let register: UInt64 =
                                switch area {
                                case .descriptorTable: 0x80
                                case .availableRing: 0x90
                                case .usedRing: 0xa0
                                }
                            transport.write(offset: register, value: configuration[area].rawValue, size: 4)
                        }
                        transport.write(offset: 0x38, value: 16, size: 4)
                        transport.write(offset: 0x44, value: 1, size: 4)
                    case 6: _ = transport.read(offset: 0x100, size: 8)
                    case 9: transport.write(offset: 0x30, value: value >> 8 & 1, size: 4)
                    case 10: transport.write(offset: 0xc0, value: 1, size: 4)
                    case 7: transport.write(offset: 0x64, value: 3, size: 4)
                    default:
                        let next: [UInt64: UInt64] = [0: 1, 1: 3, 3: 0xb, 0xb: 0xf]
                        if value % 16 == 8 {
                            transport.write(offset: 0x24, value: 1, size: 4)
                            transport.write(offset: 0x20, value: 0x101, size: 4)
                        }
                        let status = transport.read(offset: 0x70, size: 4)
                        if let step = next[status] { transport.write(offset: 0x70, value: step, size: 4) }
                    }
                }
            }
            threads.append(Box(thread))
        }
        for thread in threads { try thread.join() }
        // After all that an orderly driver still brings the device up.
        let before = faults.activations.load(ordering: .relaxed)
        transport.write(offset: 0x70, value: 0, size: 4)
        #expect(transport.read(offset: 0x70, size: 4) == 0)
        #expect(driver.negotiate())
        driver.status = 0xf
        executor.performAndWait {}
        #expect(faults.activations.load(ordering: .relaxed) == before + 1)
        transport.shutDown()
        executor.stop()
        #expect(faults.count.load(ordering: .relaxed) == 0)
        #expect(faults.restarts.load(ordering: .relaxed) > 0)
    }

    @Test("a kick that comes before the device is up is served by the start")
    func earlyKick() throws {
        for _ in 0..<50 {
            let executor = try ThreadExecutor()
            let driver = try MMIODriver(BlockDevice(disk: MemoryDisk(sectors: 8)), executor: executor)
            driver.negotiate()
            let queue = try DriverQueue(memory: driver.memory, size: 256, at: GuestAddress(0x10_0000))
            driver.setUp(0, queue.configuration)
            try queue.send([
                try queue.buffer(of: BlockRig.header(0, sector: 0)), queue.buffer(room: 512), queue.buffer(room: 1),
            ])
            // As an ioeventfd that fires before the activation was posted.
            let transport = driver.transport
            executor.perform { transport.serveQueue(0) }
            driver.status = 0xf
            executor.performAndWait {}
            executor.performAndWait {}
            #expect(try queue.takeUsed()?.written == 513)
            executor.stop()
        }
    }

    private final class Box {
        private var thread: Thread?
        init(_ thread: consuming Thread) { self.thread = consume thread }
        func join() throws {
            if let thread = thread.take() { try thread.join() }
        }
    }
}
