// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMemory
import VirtioModel
import VirtioQueue
import VirtioQueueTestSupport

@Suite struct ActivationTests {
    @Test("ready queues are made, the others are nil")
    func ready() throws {
        let driver = try DriverQueue(size: 8)
        let activation = try Activation(
            memory: driver.memory, features: driver.features,
            configurations: [QueueConfiguration(maximumSize: 8), driver.configuration],
            interrupt: RecordingInterrupt())
        #expect(activation.queues.count == 2)
        #expect(activation.queues[0] == nil)
        #expect(try activation.queue(1).size == 8)
        #expect(throws: ActivationError.missingQueue(index: 0)) { try activation.queue(0) }
        #expect(throws: ActivationError.missingQueue(index: 2)) { try activation.queue(2) }
        #expect(throws: ActivationError.missingQueue(index: -1)) { try activation.queue(-1) }
    }

    @Test("a ready queue that is not valid fails the activation and is named")
    func invalid() throws {
        let driver = try DriverQueue(size: 8)
        var broken = driver.configuration
        broken.size = 3
        #expect(throws: ActivationError.queue(index: 1, .size(3, maximum: 8))) {
            try Activation(
                memory: driver.memory, features: driver.features, configurations: [driver.configuration, broken],
                interrupt: RecordingInterrupt())
        }
    }
}
