// SPDX-License-Identifier: Apache-2.0
internal import Synchronization
public import VirtioModel

/// An interrupt that counts what it was asked for.
public final class RecordingInterrupt: Interrupt {
    private let state = Mutex<State>(State())

    private struct State {
        var queues: [UInt16: Int] = [:]
        var configuration = 0
        var fault: DeviceFault?
    }

    /// Nothing was asked for yet.
    public init() {}

    /// Counts.
    public func signalQueue(_ index: UInt16) { state.withLock { $0.queues[index, default: 0] += 1 } }
    /// Counts.
    public func signalConfiguration() { state.withLock { $0.configuration += 1 } }
    /// Remembers.
    public func needsReset(_ fault: DeviceFault) { state.withLock { $0.fault = fault } }

    /// How often a queue was signalled.
    public func count(ofQueue index: UInt16) -> Int { state.withLock { $0.queues[index] ?? 0 } }
    /// How often the configuration was.
    public var configurationCount: Int { state.withLock { $0.configuration } }
    /// Why the device gave up last; nil if it did not.
    public var fault: DeviceFault? { state.withLock { $0.fault } }
    /// Whether it did.
    public var didNeedReset: Bool { fault != nil }
}

/// A configuration space that keeps what was published.
public final class RecordingConfiguration: ConfigurationSink {
    private let published = Mutex<[[UInt8]]>([])

    /// Nothing was published yet.
    public init() {}

    /// Keeps the bytes.
    public func publish(_ bytes: [UInt8]) { published.withLock { $0.append(bytes) } }

    /// Everything published, in order.
    public var all: [[UInt8]] { published.withLock { $0 } }
}
