// SPDX-License-Identifier: Apache-2.0

/// How a device gets the driver's attention. The transport implements it; any thread may call.
public protocol Interrupt: Sendable {
    /// Used buffers were published in a queue (virtio 1.2, 2.3). Call it when `Queue.shouldSignalDriver()` says so.
    func signalQueue(_ index: UInt16)

    /// The configuration space changed. `ConfigurationSink.publish` calls it; a device seldom does itself.
    func signalConfiguration()

    /// The device cannot go on: sets DEVICE_NEEDS_RESET and, if DRIVER_OK is set, raises a configuration change
    /// (virtio 1.2, 2.1.2). The device serves nothing any more until `reset`.
    /// - Parameter fault: what was wrong.
    func needsReset(_ fault: DeviceFault)
}
