// SPDX-License-Identifier: Apache-2.0
public import VirtioQueue

/// A virtio device without its transport: what it offers, and what it does when the driver calls.
///
/// **Thread.** Every method is called on one thread, the device's event loop. The transport answers register reads
/// on the vCPU's thread from its own copies and posts the rest through a `DeviceExecutor`; so a device needs no lock.
///
/// **Life cycle** (virtio 1.2, 2.1 and 3.1.1). Only the transport calls, in this order:
/// ```
///                        writeConfiguration
///                             ┌───┐
///  init ──► attach ──► idle ──┤   │◄────────────────────────────┐
///                       │     └───┘                             │
///                       │ activate  (driver set DRIVER_OK)      │ reset  (driver wrote 0 to status,
///                       ▼                                       │         or the VM is torn down)
///            ┌───── activate throws ──► failed ─────────────────┤
///            │                            ▲                     │
///            ▼                            │ interrupt.needsReset(why)
///          active ────────────────────────┴─────────────────────┘
///           │  ▲
///           └──┘ queueNotified, writeConfiguration, the device's own event sources
/// ```
/// In `failed` the transport has set DEVICE_NEEDS_RESET and calls nothing but `reset`. `attach` comes once; `activate`
/// and `reset` may alternate for ever.
public protocol VirtioDevice: AnyObject {
    /// What kind of device this is (virtio 1.2, section 5).
    var deviceID: DeviceID { get }

    /// The largest size of each queue, in the order of the device's section of the specification; each a power of two
    /// of at most 32768. Constant for the life of the device.
    var queueMaximumSizes: [UInt16] { get }

    /// The features the device can do, without `.version1`, which the transport adds. Constant after `attach`.
    var offeredFeatures: VirtioFeatures { get }

    /// The configuration space as it is before the device publishes another one; little-endian as the specification
    /// lays it out, empty if the device has none. Its length never changes. Asked once, at `attach`.
    var initialConfiguration: [UInt8] { get }

    /// Gives the device what it may use of its host. The device keeps it.
    func attach(to host: DeviceHost)

    /// The driver is ready (DRIVER_OK): take the queues and begin.
    /// - Throws: why the device cannot work so; the transport then sets DEVICE_NEEDS_RESET.
    func activate(_ activation: Activation) throws(ActivationError)

    /// The driver put buffers into a queue (or may have: it is also called once for each queue after `activate`, so
    /// that a doorbell rung too early is not lost). An index of no queue, or one that is not active, is ignored.
    /// - Returns: `.again` if work is left because the device bounds what it does in one go; the caller then calls
    ///   again after the event loop served the others.
    func queueNotified(_ index: UInt16) -> QueueService

    /// The driver wrote into the configuration space. The transport has checked that the bytes lie in it, and does not
    /// change its copy: a device that accepts the write publishes the new bytes through `host.configuration`.
    func writeConfiguration(_ bytes: [UInt8], atByteOffset offset: Int)

    /// Drop everything that `activate` gave and go back to the state before it. When this returns, nothing of the
    /// device, no I/O in flight either, touches guest memory, a queue or the interrupt.
    func reset()
}

extension VirtioDevice {
    /// Ignores the write, as most devices have nothing that the driver may write.
    public func writeConfiguration(_ bytes: [UInt8], atByteOffset offset: Int) {}
}

/// What is left after a device served a queue.
public enum QueueService: Sendable, Equatable {
    /// Everything that was there is done or in flight, and the driver will ring for more.
    case drained
    /// More may be there: call `queueNotified` again soon.
    case again
}
