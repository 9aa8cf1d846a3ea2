// SPDX-License-Identifier: Apache-2.0
public import VirtioQueue

/// Queues that the driver takes away and gives back while the device runs (virtio 1.2, 2.6.1).
///
/// Connections do not notice, as long as their packets get through in the end: a packet to the guest is made when there is a
/// buffer for it, and data waits in the host's socket; the guest's credit is counted by what arrives. A packet of the guest that
/// the device has not taken is the guest's to send again.
extension VsockDevice {
    /// Drops a queue, with all that is in it.
    public func resetQueue(_ index: UInt16) {
        switch index {
        case 0:
            active?.receive = nil
            receiveChain.removeAll()
            moreChains.removeAll()
        case 1:
            active?.transmit = nil
            transmitChain.removeAll()
        case 2:
            active?.event = nil
            eventChains.removeAll()
            unreturnedEventBufferCount = 0
            // Whether the guest has seen an event that was in the queue does not show. It hears of it again, in the next
            // queue, while it still hears of nothing else.
            if case .waitingForDriver(let deadline) = gate { gate = .waitingForBuffer(deadline: deadline) }
        default: break
        }
    }

    /// Takes a queue.
    public func restartQueue(_ index: UInt16, _ queue: Queue) {
        queue.malformedChainPolicy = .returnHead
        switch index {
        case 0: active?.receive = queue
        case 1: active?.transmit = queue
        case 2: active?.event = queue
        default: break
        }
    }
}
