// SPDX-License-Identifier: Apache-2.0
import VirtioModel
import VirtioQueue

/// A device that does nothing and remembers what it was asked for.
final class ProbeDevice: VirtioDevice {
    enum Call: Equatable {
        case activate(VirtioFeatures, [Bool])
        case notified(UInt16)
        case config([UInt8], Int)
        case reset
    }

    var calls: [Call] = []
    var host: DeviceHost?
    var activation: Activation?
    var failure: ActivationError?
    var answers: [QueueService] = []
    let queueMaximumSizes: [UInt16]
    let offeredFeatures: VirtioFeatures
    let initialConfiguration: [UInt8]

    init(
        queues: [UInt16] = [16, 16], features: VirtioFeatures = [.eventIndex, .bit(3)],
        configuration: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
    ) {
        queueMaximumSizes = queues
        offeredFeatures = features
        initialConfiguration = configuration
    }

    var deviceID: DeviceID { DeviceID(rawValue: 42) }
    func attach(to host: DeviceHost) { self.host = host }
    func activate(_ activation: Activation) throws(ActivationError) {
        calls.append(.activate(activation.features, activation.queues.map { $0 != nil }))
        if let failure { throw failure }
        self.activation = activation
    }
    func queueNotified(_ index: UInt16) -> QueueService {
        calls.append(.notified(index))
        return answers.isEmpty ? .drained : answers.removeFirst()
    }
    func writeConfiguration(_ bytes: [UInt8], atByteOffset offset: Int) { calls.append(.config(bytes, offset)) }
    func reset() {
        calls.append(.reset)
        activation = nil
    }
}

/// A device that goes on after a reset.
final class LeakyDevice: VirtioDevice {
    private var queue: Queue?
    let deviceID = DeviceID(rawValue: 43)
    let queueMaximumSizes: [UInt16] = [16]
    let offeredFeatures = VirtioFeatures.implementedByQueue
    let initialConfiguration: [UInt8] = []
    func attach(to host: DeviceHost) {}
    func activate(_ activation: Activation) throws(ActivationError) { queue = try activation.queue(0) }
    func queueNotified(_ index: UInt16) -> QueueService {
        guard let queue, index == 0 else { return .drained }
        // Says that it wrote what there was no room for.
        while let chain = try? queue.pop() { queue.push(chain.head, written: 1000) }
        return .drained
    }
    func reset() {}
}
