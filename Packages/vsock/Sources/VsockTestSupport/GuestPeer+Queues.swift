// SPDX-License-Identifier: Apache-2.0
internal import VMMemory
internal import VirtioQueue
internal import VirtioQueueTestSupport
internal import Vsock

/// A packet of the guest in its memory.
struct TransmitChain {
    var buffers: [DriverQueue.Buffer]
    var isIndirect: Bool
    var head: UInt16 = 0
}

/// Queues that the guest takes away and gives back while it has sockets, as a driver does that changes their size (virtio 1.2,
/// 2.6.1): nothing that either side said is lost or said twice.
extension GuestPeer {
    /// Takes a queue away. What the device had put into it is taken.
    /// - Parameter index: 0 to the guest, 1 from the guest, 2 events. One that is away already stays away.
    public func resetQueue(_ index: UInt16) throws {
        guard index < 3, !awayQueues.contains(index) else { return }
        // A kernel has no event before it while it takes their queue apart.
        if index == 2, !unansweredEvents.isEmpty { try catchUp() }
        device.resetQueue(index)
        awayQueues.insert(index)
        switch index {
        case 1:
            try takeBackTransmitted()
            waitingChains = sentChains + waitingChains
            sentChains.removeAll()
        default:
            try takePackets()
            if index == 2, !unansweredEvents.isEmpty {
                unansweredEvents.removeAll()
                forgetSockets()
            }
        }
    }

    /// Gives a queue back that is away, elsewhere in memory, with what is to be in it.
    /// - Parameters:
    ///   - index: which one; one that is not away is left alone.
    ///   - size: as before the first reset, if nil.
    public func restartQueue(_ index: UInt16, size: UInt16? = nil) throws {
        guard awayQueues.remove(index) != nil else { return }
        let old = [receiveQueue, transmitQueue, eventQueue][Int(index)].configuration.descriptorTable
        let places: [[UInt64]] = [[0x10_0000, 0x100_0000], [0x200_0000, 0x300_0000], [0x10000, 0x20000]]
        let place = places[Int(index)].first { $0 != old.rawValue } ?? 0
        let queue = try makeRingDriver(
            memory: memory, size: size ?? (index == 2 ? min(queueSize, 16) : queueSize), at: GuestAddress(place),
            features: features)
        try device.restartQueue(index, queue.configuration.activate(memory: memory, features: features))
        switch index {
        case 0:
            receiveQueue = queue
            receiveBuffers.removeAll()
            if refills { try refill(queue.freeCount) }
        case 1:
            transmitHeap = queue.heap
            transmitSize = UInt16(clamping: queue.freeCount)
            // Moved, as the next queue may come to lie where they are.
            for index in waitingChains.indices {
                waitingChains[index].buffers = try waitingChains[index].buffers.map {
                    try queue.buffer(of: transmitQueue.bytes(of: $0))
                }
            }
            transmitQueue = queue
            try sendWaiting()
        default:
            eventQueue = queue
            eventBuffers.removeAll()
            for _ in 0..<min(queue.freeCount, 8) { try offerEventBuffer() }
        }
        notify(index)
    }

    /// Puts a packet into the transmit queue, behind those that wait for that.
    func offer(_ chain: TransmitChain) throws -> Bool {
        if waitingChains.isEmpty, !awayQueues.contains(1) { return try send(chain) }
        waitingChains.append(chain)
        return true
    }

    private func send(_ chain: TransmitChain) throws -> Bool {
        var chain = chain
        guard let head = try transmitQueue.send(chain: chain.buffers, isIndirect: chain.isIndirect) else {
            return false
        }
        chain.head = head
        sentChains.append(chain)
        return true
    }

    func takeBackTransmitted() throws {
        while let used = try transmitQueue.takeBack() {
            if let place = sentChains.firstIndex(where: { $0.head == used.head }) { sentChains.remove(at: place) }
        }
        if waitingChains.isEmpty, transmitQueue.freeCount == Int(transmitSize) {
            transmitQueue.resetHeap(to: transmitHeap)
        }
    }

    /// Puts what waits into the queue, as far as there is room.
    func sendWaiting() throws {
        while let chain = waitingChains.first, !awayQueues.contains(1) {
            try takeBackTransmitted()
            guard try send(chain) else { break }
            waitingChains.removeFirst()
            notify(1)
        }
    }
}
