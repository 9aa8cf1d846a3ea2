// SPDX-License-Identifier: Apache-2.0
public import VMMSysUtil
public import VMMemory
public import VirtioQueue

/// What a driver and its transport agreed on, given to a device that goes to work.
public struct Activation {
    /// The guest's memory.
    public let memory: GuestMemory
    /// The features that both sides accepted.
    public let features: VirtioFeatures
    /// The queue of each index, nil where the driver left it unused.
    public let queues: [Queue?]
    /// How to tell the driver.
    public let interrupt: any Interrupt

    /// Gathers queues that are active already, as a test or a restore does.
    public init(memory: GuestMemory, features: VirtioFeatures, queues: [Queue?], interrupt: any Interrupt) {
        self.memory = memory
        self.features = features
        self.queues = queues
        self.interrupt = interrupt
    }

    /// Checks what the driver set up and makes the queues that it marked ready.
    /// - Throws: `.queue` for the first ready queue that is not valid.
    public init(
        memory: GuestMemory, features: VirtioFeatures, configurations: [QueueConfiguration], interrupt: any Interrupt
    ) throws(ActivationError) {
        var queues: [Queue?] = []
        queues.reserveCapacity(configurations.count)
        for (index, configuration) in configurations.enumerated() {
            guard configuration.isReady else {
                queues.append(nil)
                continue
            }
            queues.append(try Self.queue(index, configuration, memory: memory, features: features))
        }
        self.init(memory: memory, features: features, queues: queues, interrupt: interrupt)
    }

    /// Checks what the driver set up and makes one queue, as a transport does that restarts it.
    /// - Throws: `.queue` if it is not valid.
    public static func queue(
        _ index: Int, _ configuration: QueueConfiguration, memory: GuestMemory, features: VirtioFeatures
    ) throws(ActivationError) -> Queue {
        do throws(QueueConfigurationError) {
            return try configuration.activate(memory: memory, features: features)
        } catch {
            throw .queue(index: index, error)
        }
    }

    /// A queue that the device cannot do without.
    /// - Throws: `.missingQueue` if the driver did not set it up.
    public func queue(_ index: Int) throws(ActivationError) -> Queue {
        guard queues.indices.contains(index), let queue = queues[index] else { throw .missingQueue(index: index) }
        return queue
    }
}

/// Why a device cannot go to work as the driver set it up.
public enum ActivationError: Error, Equatable, Sendable {
    /// A queue that the driver marked ready is not valid.
    case queue(index: Int, QueueConfigurationError)
    /// A queue that the device needs is not ready.
    case missingQueue(index: Int)
    /// The accepted features exclude each other, or were not offered.
    case features(VirtioFeatures)
    /// The host refused something that the device needs.
    case host(Errno)
}

extension ActivationError: CustomStringConvertible {
    /// One line, the cause last.
    public var description: String {
        switch self {
        case .queue(let index, let error): "queue \(index) is not valid: \(error)"
        case .missingQueue(let index): "queue \(index) is needed and was not set up"
        case .features(let features): "features not acceptable: \(features)"
        case .host(let error): "host refused: \(error)"
        }
    }
}
