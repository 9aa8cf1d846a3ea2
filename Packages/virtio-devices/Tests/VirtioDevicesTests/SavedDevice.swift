// SPDX-License-Identifier: Apache-2.0
import VMMemory
import VirtioModel
import VirtioQueue

/// A small device that gives chains back and can be saved, with one fault or none.
final class SavedDevice: SavableDevice {
    enum Fault: CaseIterable {
        case servesWhilePaused, forgetsItsPlace, staysStill, takesAnyState, answersTwice
    }

    struct State: SavedDeviceState {
        var queue: QueueState?
        var queues: [QueueState?]? { queue.map { [$0] } }
    }

    private let fault: Fault?
    private var queue: Queue?
    private var interrupt: (any Interrupt)?
    private var isPaused = false

    init(fault: Fault?) { self.fault = fault }

    let deviceID = DeviceID(rawValue: 44)
    let queueMaximumSizes: [UInt16] = [16]
    let offeredFeatures = VirtioFeatures.implementedByQueue
    let initialConfiguration: [UInt8] = []
    func attach(to host: DeviceHost) {}
    func activate(_ activation: Activation) throws(ActivationError) {
        queue = try activation.queue(0)
        queue?.malformedChainPolicy = .returnHead
        interrupt = activation.interrupt
    }
    func reset() {
        queue = nil
        isPaused = false
    }
    func queueNotified(_ index: UInt16) -> QueueService {
        guard index == 0, let queue, !isPaused || fault == .servesWhilePaused else { return .drained }
        let buffers = ChainBuffers()
        do throws(QueueError) {
            let outcome = try queue.serve(into: buffers, limit: 16) { _ in .used(written: 0) }
            if queue.shouldSignalDriver() { interrupt?.signalQueue(0) }
            return outcome == .limitReached ? .again : .drained
        } catch {
            interrupt?.needsReset(.queue(index: 0, error))
            return .drained
        }
    }

    func pause() { isPaused = true }
    func resume() {
        guard isPaused, fault != .staysStill else { return }
        isPaused = false
        while queueNotified(0) == .again {}
    }
    func save() -> State {
        // Whoever saves must not serve, and here it does.
        if fault == .servesWhilePaused { while queueNotified(0) == .again {} }
        return State(queue: queue?.save())
    }
    func restore(
        _ state: State, memory: GuestMemory, features: VirtioFeatures, interrupt: any Interrupt
    ) throws(SavedQueueError) {
        guard var saved = state.queue else { return }
        if fault == .forgetsItsPlace {
            saved.nextAvailable = features.contains(.packedRing) ? 0x8000 : 0
            saved.nextUsed = saved.nextAvailable
        }
        if fault == .answersTwice, saved.nextAvailable & 0x7fff > 0 {
            saved.nextAvailable &-= 1
            saved.nextUsed &-= 1
        }
        if fault == .takesAnyState {
            queue = try? restoreQueue(0, saved, memory: memory, features: features)
        } else {
            queue = try restoreQueue(0, saved, memory: memory, features: features)
        }
        self.interrupt = interrupt
        isPaused = true
    }
}
