// SPDX-License-Identifier: Apache-2.0
public import VirtioQueue

/// A device that can let go of one queue while the others run (virtio 1.2, 2.6.1). Transports offer VIRTIO_F_RING_RESET
/// for those, and for no others.
///
/// Both methods are called between `activate` and `reset` only, with the index of a queue of the device, and for one
/// queue in turns. A queue that `activate` got as nil may be started as well.
public protocol QueueResettableDevice: VirtioDevice {
    /// Drop a queue. When this returns, nothing of the device, no I/O in flight either, touches the queue or the
    /// buffers that came from it, and there is no interrupt for it; requests that were not answered never are.
    /// `queueNotified` is ignored until the queue is started again.
    func resetQueue(_ index: UInt16)

    /// The driver has set a queue up anew, of another size perhaps, and elsewhere: take it and go on.
    ///
    /// `queueNotified` is called once afterwards.
    /// - Throws: why the device cannot work so; the transport then sets DEVICE_NEEDS_RESET.
    func restartQueue(_ index: UInt16, _ queue: Queue) throws(ActivationError)
}
