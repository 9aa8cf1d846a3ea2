// SPDX-License-Identifier: Apache-2.0
public import VMMSysUtil
public import VirtioModel

/// A disk that has several transfers in flight while the device goes on; in whatever order they complete. What it cannot
/// have in flight it does at once, as every disk.
///
/// It belongs to one device, and is used on that device's thread only.
public protocol QueuedDisk: Disk {
    /// How many transfers may be in flight.
    var transfersMax: Int { get }

    /// Has `handler` called on the device's thread when transfers may have completed, until the source is removed.
    func watch(with events: any EventRegistry, _ handler: @escaping () -> Void) throws(Errno) -> any EventSource

    /// Puts a transfer in. Its memory stays mapped, and nobody touches it, until it comes back from `takeCompleted`. It
    /// comes back once, whatever happens.
    /// - Parameter transfer: one whose index is below `transfersMax` and not in flight.
    func submit(_ transfer: DiskTransfer)

    /// Begins what was submitted since the last call.
    func commit()

    /// A transfer that is done: with its `error`, and the `pieces` that were not transferred.
    func takeCompleted() -> DiskTransfer?

    /// Returns when `takeCompleted` has one, or nothing is in flight.
    func waitForCompletion()
}
