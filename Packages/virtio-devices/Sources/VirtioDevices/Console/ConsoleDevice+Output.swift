// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import VMMSysUtil
internal import VMMemory
internal import VirtioModel
internal import VirtioQueue

/// From the guest to the host.
extension ConsoleDevice {
    private static let chainsPerTurn = 64
    private static let bytesPerTurn: UInt64 = 1 << 20
    /// At most this many pieces in one call (`IOV_MAX`).
    static let piecesMax = 1024

    /// What became of the bytes of one chain.
    private enum Delivery: Equatable {
        case done
        /// The host takes no more now.
        case blocked
        /// The turn is over.
        case outOfBudget
    }

    /// Writes what the guest sent until the host takes no more, or the turn is over.
    ///
    /// A chain that was written in part stays in the ring, and the port remembers how far it got.
    func pumpOutput(_ port: ConsolePort) -> QueueService {
        guard isServing, let queue = port.transmit else { return .drained }
        // The host is full and its descriptor is watched: a doorbell changes nothing.
        guard port.outputSource == nil else { return .drained }
        var budget = Self.bytesPerTurn
        var blocked = false
        var outcome = ServeOutcome.drained
        var failure: QueueError?
        withoutBrokenPipeSignal {
            do throws(QueueError) {
                outcome = try queue.serve(into: chain, limit: Self.chainsPerTurn) { chain in
                    // What comes after a close belongs to the next opening.
                    if port.chainsUntilClose == 0 { return .putBack }
                    switch deliver(chain, to: port, budget: &budget) {
                    case .done:
                        port.outputOffset = 0
                        port.chainsUntilClose = port.chainsUntilClose.map { $0 &- 1 }
                        return .used(written: 0)
                    case .blocked:
                        blocked = true
                        return .putBack
                    case .outOfBudget:
                        return .putBack
                    }
                }
            } catch {
                failure = error
            }
            return port.failure == .brokenPipe
        }
        let index = Self.receiveQueueIndex(ofPort: Int(port.id)) + 1
        if let failure {
            fail(queue, index, failure)
            return .drained
        }
        signal(queue, index)
        // Callbacks only now: they may take the port away.
        if let failure = port.failure.take() { port.onEvent(.outputFailed(failure)) }
        // A malformed chain was counted and not seen, so an empty ring counts as well.
        if let left = port.chainsUntilClose, left == 0 || outcome == .drained { finishClose(port) }
        if blocked {
            watchOutput(port)
            return .drained
        }
        return outcome == .drained ? .drained : .again
    }

    func finishClose(_ port: ConsolePort) {
        port.chainsUntilClose = nil
        port.onEvent(.guestClosed)
        if port.reopensAfterClose {
            port.reopensAfterClose = false
            port.onEvent(.guestOpened)
        }
    }

    private func deliver(_ chain: ChainBuffers, to port: ConsolePort, budget: inout UInt64) -> Delivery {
        pieces.removeAll()
        var reader = chain.reader
        reader.skip(port.outputOffset)
        reader.appendVectors(to: &pieces)
        while pieces.byteCount > 0 {
            let number: Int32
            switch port.output {
            case .some(let output) where !port.isOutputFailed: number = output.descriptor.rawValue
            default:
                counters.discardedBytes &+= pieces.byteCount
                return .done
            }
            guard budget > 0 else { return .outOfBudget }
            do throws(Errno) {
                let count = Int32(min(pieces.count, Self.piecesMax))
                let pointer = pieces.pointer
                let done = UInt64(try retryOnInterrupt { writev(number, pointer, count) })
                pieces.removeFirst(byteCount: done)
                port.outputOffset &+= done
                budget = budget &- min(budget, done)
                counters.transmittedBytes &+= done
            } catch .wouldBlock {
                return .blocked
            } catch {
                port.isOutputFailed = true
                port.failure = error
            }
        }
        return .done
    }

    private func watchOutput(_ port: ConsolePort) {
        guard let host else { return }
        do throws(Errno) {
            switch port.output {
            case .some(let output):
                port.outputSource = try host.events.watch(output.descriptor, for: .write) {
                    [weak self, weak port] _ in
                    guard let self, let port else { return }
                    // Removed, not muted: a hang-up would be reported even so, again and again.
                    port.stopWatchingOutput()
                    self.continueLater(self.pumpOutput(port), port)
                }
            case .none:
                break
            }
        } catch {
            port.isOutputFailed = true
            port.onEvent(.outputFailed(error))
            continueLater(.again, port)
        }
    }

    /// Writes what is in the ring as far as the host takes it without waiting; at most a ring full.
    func flushOutput(_ port: ConsolePort) {
        port.stopWatchingOutput()
        guard let queue = port.transmit else { return }
        var turns = Int(queue.size)
        while turns > 0, pumpOutput(port) == .again { turns -= 1 }
        port.stopWatchingOutput()
    }

    func writeOnce(_ character: UInt8, to port: ConsolePort) {
        switch port.output {
        case .some(let output) where !port.isOutputFailed:
            let number = output.descriptor.rawValue
            withoutBrokenPipeSignal {
                withUnsafeBytes(of: character) { write(number, $0.baseAddress, 1) } < 0 && errno == EPIPE
            }
        default:
            break
        }
    }

    /// Has the rest of a port's work done after others on the same thread had their turn.
    func continueLater(_ service: QueueService, _ port: ConsolePort) {
        guard service == .again, let host, !port.isContinuationPosted else { return }
        port.isContinuationPosted = true
        let work = Confined((device: self, port: port))
        host.executor.perform {
            let (device, port) = work.value
            port.isContinuationPosted = false
            guard device.active != nil, !port.isRemoved else { return }
            let output = device.pumpOutput(port)
            let input = device.pumpInput(port)
            device.continueLater(output == .again || input == .again ? .again : .drained, port)
        }
    }
}
