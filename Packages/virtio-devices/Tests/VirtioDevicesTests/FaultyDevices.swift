// SPDX-License-Identifier: Apache-2.0
import VMMemory
import VirtioModel
import VirtioQueue

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
            interrupt?.needsReset()
        }
        return .drained
    }
    func reset() { queue = nil }
}
