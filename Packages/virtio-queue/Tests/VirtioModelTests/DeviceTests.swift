// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMSysUtil
import VMMemory
import VirtioModel
import VirtioQueue
import VirtioQueueTestSupport

/// A device as small as one can be: it returns what it is sent.
private final class EchoDevice: VirtioDevice {
    let deviceID = DeviceID(rawValue: 42)
    let queueMaximumSizes: [UInt16] = [16]
    let offeredFeatures = VirtioFeatures.implementedByQueue
    let initialConfiguration: [UInt8] = [1, 2]
    private var host: DeviceHost?
    private var active: (queue: Queue, interrupt: any Interrupt)?
    private let buffers = ChainBuffers()

    func attach(to host: DeviceHost) { self.host = host }

    func activate(_ activation: Activation) throws(ActivationError) {
        active = (try activation.queue(0), activation.interrupt)
    }

    func queueNotified(_ index: UInt16) -> QueueService {
        guard index == 0, let (queue, interrupt) = active else { return .drained }
        var result = QueueService.drained
        do throws(QueueError) {
            let outcome = try queue.serve(into: buffers, limit: 4) { chain in
                var (reader, writer) = (chain.reader, chain.writer)
                while let byte = reader.read(UInt8.self) { writer.write(byte) }
                return .used(written: UInt32(writer.position))
            }
            if outcome == .limitReached { result = .again }
        } catch {
            active = nil
            interrupt.needsReset(.queue(index: 0, error))
        }
        if queue.shouldSignalDriver() { interrupt.signalQueue(0) }
        return result
    }

    func reset() { active = nil }
}

@Suite struct DeviceTests {
    let driver: DriverQueue
    let interrupt = RecordingInterrupt()
    private let device = EchoDevice()

    init() throws {
        driver = try DriverQueue(size: 16)
        device.attach(
            to: DeviceHost(
                configuration: RecordingConfiguration(), events: ManualEventRegistry(), executor: ImmediateExecutor()))
    }

    private func activate() throws {
        try device.activate(
            Activation(
                memory: driver.memory, features: driver.features, configurations: [driver.configuration],
                interrupt: interrupt))
    }

    @Test("a device goes through its life without a transport")
    func life() throws {
        #expect(device.queueNotified(0) == .drained)
        try activate()
        device.writeConfiguration([9], atByteOffset: 0)
        let answer = driver.buffer(room: 3)
        try driver.send([driver.buffer(of: [7, 8, 9]), answer])
        #expect(device.queueNotified(0) == .drained)
        #expect(device.queueNotified(1) == .drained)
        #expect(try driver.bytes(of: answer) == [7, 8, 9])
        #expect(interrupt.count(ofQueue: 0) == 1)
        device.reset()
        try driver.send([driver.buffer(room: 3)])
        #expect(device.queueNotified(0) == .drained)
        #expect(try driver.usedIndex() == 1)
    }

    @Test("a device that bounds its work asks to be called again")
    func again() throws {
        try activate()
        for _ in 0..<6 { try driver.send([driver.buffer(room: 1)]) }
        #expect(device.queueNotified(0) == .again)
        #expect(try driver.usedIndex() == 4)
        #expect(device.queueNotified(0) == .drained)
        #expect(try driver.usedIndex() == 6)
    }

    @Test("a driver that breaks the ring leaves the device in need of a reset, and it serves nothing until then")
    func needsReset() throws {
        try activate()
        try driver.setAvailableIndex(1000)
        #expect(device.queueNotified(0) == .drained)
        #expect(interrupt.didNeedReset)
        #expect(interrupt.fault == .queue(index: 0, .availableIndexRanAhead(available: 1000, next: 0, size: 16)))
        try driver.setAvailableIndex(0)
        try driver.send([driver.buffer(room: 1)])
        #expect(device.queueNotified(0) == .drained)
        #expect(try driver.usedIndex() == 0)
    }

    @Test("the manual registry calls handlers for what they wait for, and never after remove")
    func events() throws {
        let event = try EventFD()
        let registry = ManualEventRegistry()
        var seen: [EventSet] = []
        let source = try registry.watch(event.descriptor, for: .read) { seen.append($0) }
        func fire(_ events: EventSet) -> Bool { registry.fire(events, on: event.descriptor) }
        #expect(!fire(.write))
        #expect(fire([.read, .write]))
        #expect(throws: Errno.exists) {
            // A second watch of the same descriptor, as epoll refuses it.
            _ = try registry.watch(event.descriptor, for: .read) { _ in }
        }
        try source.setInterest([])
        #expect(!fire(.read))
        #expect(fire(.hangUp))
        source.remove()
        source.remove()
        #expect(!fire(.hangUp))
        #expect(seen == [.read, .hangUp])
    }
}
