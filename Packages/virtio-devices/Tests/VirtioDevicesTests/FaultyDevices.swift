// SPDX-License-Identifier: Apache-2.0
import VMMemory
import VirtioModel
import VirtioQueue

/// Gives chains of two queues back, and lets go of one of them, with one fault or none.
final class ResettingDevice: QueueResettableDevice {
    enum Fault: CaseIterable {
        case keepsTheQueue, dropsBoth, forgetsTheNewOne, goesOnWhereTheOldOneWas
    }

    private let fault: Fault?
    private var queues: [Queue?] = [nil, nil]
    private var places: [QueueState?] = [nil, nil]
    private var interrupt: (any Interrupt)?

    init(fault: Fault?) { self.fault = fault }

    let deviceID = DeviceID(rawValue: 43)
    let queueMaximumSizes: [UInt16] = [16, 16]
    let offeredFeatures = VirtioFeatures.implementedByQueue
    let initialConfiguration: [UInt8] = []
    func attach(to host: DeviceHost) {}
    func activate(_ activation: Activation) throws(ActivationError) {
        queues = [try activation.queue(0), try activation.queue(1)]
        for queue in queues { queue?.malformedChainPolicy = .returnHead }
        interrupt = activation.interrupt
    }
    func resetQueue(_ index: UInt16) {
        places[Int(index)] = queues[Int(index)]?.save()
        if fault != .keepsTheQueue { queues[Int(index)] = nil }
        if fault == .dropsBoth { queues = [nil, nil] }
    }
    func restartQueue(_ index: UInt16, _ queue: Queue) {
        if fault == .forgetsTheNewOne { return }
        queues[Int(index)] = queue
        if fault == .goesOnWhereTheOldOneWas, var place = places[Int(index)] {
            place.configuration = queue.configuration
            queues[Int(index)] = try? place.restore(memory: queue.memory, features: queue.features)
        }
        queues[Int(index)]?.malformedChainPolicy = .returnHead
    }
    func queueNotified(_ index: UInt16) -> QueueService {
        guard queues.indices.contains(Int(index)), let queue = queues[Int(index)] else { return .drained }
        do throws(QueueError) {
            let outcome = try queue.serve(into: ChainBuffers(), limit: 16) { _ in .used(written: 0) }
            if queue.shouldSignalDriver() { interrupt?.signalQueue(index) }
            return outcome == .limitReached ? .again : .drained
        } catch {
            interrupt?.needsReset(.queue(index: index, error))
            return .drained
        }
    }
    func reset() { queues = [nil, nil] }
}

/// Says for ever that more is to be done, once a ring was broken.
final class RestlessDevice: VirtioDevice {
    private var queue: Queue?
    let deviceID = DeviceID(rawValue: 45)
    let queueMaximumSizes: [UInt16] = [16]
    let offeredFeatures = VirtioFeatures.implementedByQueue
    let initialConfiguration: [UInt8] = []
    func attach(to host: DeviceHost) {}
    func activate(_ activation: Activation) throws(ActivationError) { queue = try activation.queue(0) }
    func queueNotified(_ index: UInt16) -> QueueService {
        guard let queue, index == 0 else { return .drained }
        do throws(QueueError) {
            while let chain = try queue.pop() { queue.push(chain.head, written: 0) }
            return .drained
        } catch {
            return .again
        }
    }
    func reset() { queue = nil }
}

/// Never works again once a ring was broken.
final class StubbornDevice: VirtioDevice {
    private var queue: Queue?
    private var interrupt: (any Interrupt)?
    private var isOffended = false
    let deviceID = DeviceID(rawValue: 46)
    let queueMaximumSizes: [UInt16] = [16]
    let offeredFeatures = VirtioFeatures.implementedByQueue
    let initialConfiguration: [UInt8] = []
    func attach(to host: DeviceHost) {}
    func activate(_ activation: Activation) throws(ActivationError) {
        queue = try activation.queue(0)
        interrupt = activation.interrupt
    }
    func queueNotified(_ index: UInt16) -> QueueService {
        guard let queue, index == 0, !isOffended else { return .drained }
        do throws(QueueError) {
            while let chain = try queue.pop() { queue.push(chain.head, written: 0) }
        } catch {
            isOffended = true
            interrupt?.needsReset(.queue(index: 0, error))
        }
        return .drained
    }
    func reset() { queue = nil }
}
