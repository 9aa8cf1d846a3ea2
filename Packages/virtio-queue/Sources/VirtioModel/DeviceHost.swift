// SPDX-License-Identifier: Apache-2.0

/// What a device may use of the process it lives in.
public struct DeviceHost {
    /// Where the device publishes a changed configuration space.
    public let configuration: any ConfigurationSink
    /// Where the device has host descriptors watched. Its handlers run on the device's thread.
    public let events: any EventRegistry
    /// The device's thread, for work that other threads hand to it.
    public let executor: any DeviceExecutor

    /// Bundles the three.
    public init(
        configuration: any ConfigurationSink, events: any EventRegistry, executor: any DeviceExecutor
    ) {
        self.configuration = configuration
        self.events = events
        self.executor = executor
    }
}

/// The transport's copy of a device's configuration space, from which it answers the driver's reads.
public protocol ConfigurationSink: Sendable {
    /// Replaces the space as a whole, increases the generation count and, if the driver is up, raises the
    /// configuration interrupt (virtio 1.2, 2.5.1). Nothing happens if the bytes are the same as before.
    /// - Parameter bytes: as many as `initialConfiguration` had; more are cut off, missing ones stay as they were.
    func publish(_ bytes: [UInt8])
}
