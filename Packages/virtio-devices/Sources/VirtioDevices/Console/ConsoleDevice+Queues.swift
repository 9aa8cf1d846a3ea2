// SPDX-License-Identifier: Apache-2.0
internal import VirtioModel
public import VirtioQueue

/// Which queue is what, and queues that the driver takes away while the others go on (virtio 1.2, 2.6.1).
///
/// Nothing of a console is in flight between turns: a chain is done with, or back in its ring. So a queue that is gone
/// takes nothing along but the place in it that the port remembers.
extension ConsoleDevice {
    /// What a queue carries.
    enum QueueUse {
        case receive(ConsolePort)
        case transmit(ConsolePort)
        case controlReceive
        case controlTransmit
    }

    /// Port 0 has queues 0 and 1, the others theirs behind the control queues (virtio 1.2, 5.3.2).
    static func receiveQueueIndex(ofPort number: Int) -> Int { number == 0 ? 0 : 2 * number + 2 }

    /// - Returns: nil for a queue of no port that is there.
    func use(ofQueue index: UInt16) -> QueueUse? {
        switch index {
        case 2: return .controlReceive
        case 3: return .controlTransmit
        default:
            let number = Int(index < 2 ? 0 : index / 2 - 1)
            guard ports.indices.contains(number), let port = ports[number] else { return nil }
            return index % 2 == 0 ? .receive(port) : .transmit(port)
        }
    }

    /// Drops a queue with all that is in it. Input waits at the host, and control messages that are due stay so; of what
    /// the guest had sent, what is not written never is, and a close that waited for it is reported.
    public func resetQueue(_ index: UInt16) {
        switch use(ofQueue: index) {
        case .controlReceive: active?.controlReceive = nil
        case .controlTransmit: active?.controlTransmit = nil
        case .receive(let port):
            port.stopWatchingInput()
            port.receive = nil
        case .transmit(let port):
            port.stopWatchingOutput()
            port.transmit = nil
            port.outputOffset = 0
            if port.chainsUntilClose != nil { finishClose(port) }
        case nil: break
        }
        chain.removeAll()
    }

    /// Takes a queue; one that no port is for stays silent, as do all but those of port 0 without MULTIPORT.
    public func restartQueue(_ index: UInt16, _ queue: Queue) {
        guard let active, index < 2 || active.features.contains(.consoleMultiport) else { return }
        queue.malformedChainPolicy = .returnHead
        switch use(ofQueue: index) {
        case .controlReceive: active.controlReceive = queue
        case .controlTransmit: active.controlTransmit = queue
        case .receive(let port): port.receive = queue
        case .transmit(let port): port.transmit = queue
        case nil: break
        }
    }
}
