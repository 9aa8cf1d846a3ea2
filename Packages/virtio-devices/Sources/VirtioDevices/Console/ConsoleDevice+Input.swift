// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import VMMSysUtil
internal import VMMemory
internal import VirtioModel
internal import VirtioQueue

/// From the host to the guest.
extension ConsoleDevice {
    private static let chainsPerTurn = 64
    private static let bytesPerTurn: UInt64 = 1 << 20

    /// What the host's end had.
    private enum Arrival {
        case bytes(UInt64)
        case nothingNow
        case end
    }

    /// Reads into the guest's buffers until either side has no more, or the turn is over.
    ///
    /// A guest that has not opened a port throws away what comes (Linux does), so nothing is read before.
    func pumpInput(_ port: ConsolePort) -> QueueService {
        guard isServing, let queue = port.receive, port.isGuestOpen, port.hasInput, !port.isInputEnded
        else { return .drained }
        var bytes = Self.bytesPerTurn
        var last = Arrival.bytes(0)
        let outcome: ServeOutcome
        do throws(QueueError) {
            outcome = try queue.serve(into: chain, limit: Self.chainsPerTurn) { chain in
                guard bytes > 0 else { return .putBack }
                // Room for nothing: reading would look like the end.
                guard chain.writableByteCount > 0 else { return .used(written: 0) }
                last = read(from: port, into: chain)
                guard case .bytes(let count) = last else { return .putBack }
                bytes = bytes &- min(bytes, count)
                counters.receivedBytes &+= count
                return .used(written: UInt32(clamping: count))
            }
        } catch {
            fail(queue, Self.receiveQueueIndex(ofPort: Int(port.id)), error)
            return .drained
        }
        signal(queue, Self.receiveQueueIndex(ofPort: Int(port.id)))
        switch last {
        case .end:
            inputEnded(port)
            return .drained
        case .nothingNow:
            watchInput(port)
            return .drained
        case .bytes:
            // No buffer, no reading: the guest rings when it has one.
            guard outcome == .drained else { return .again }
            port.stopWatchingInput()
            return .drained
        }
    }

    private func read(from port: ConsolePort, into chain: ChainBuffers) -> Arrival {
        switch port.input {
        case .some(let input):
            let number = input.descriptor.rawValue
            let count = Int32(min(chain.writable.count, Self.piecesMax))
            let pointer = chain.writable.pointer
            do throws(Errno) {
                let done = try retryOnInterrupt { readv(number, pointer, count) }
                return done == 0 ? .end : .bytes(UInt64(done))
            } catch .wouldBlock {
                return .nothingNow
            } catch {
                // A terminal that hung up answers EIO, a connection ECONNRESET; nothing more comes from either.
                return .end
            }
        case .none:
            return .end
        }
    }

    private func inputEnded(_ port: ConsolePort) {
        port.isInputEnded = true
        port.stopWatchingInput()
        // The last bytes are in the used ring already, so the guest finds them before it hears this.
        if !port.isHostOpen, port.isReady {
            port.owed.insert(.open)
            continueControl()
        }
        port.onEvent(.inputEnded)
    }

    private func watchInput(_ port: ConsolePort) {
        guard let host, port.inputSource == nil else { return }
        do throws(Errno) {
            switch port.input {
            case .some(let input):
                port.inputSource = try host.events.watch(input.descriptor, for: .read) {
                    [weak self, weak port] _ in
                    guard let self, let port else { return }
                    // Left in place: with work left over, the loop calls again by itself.
                    _ = self.pumpInput(port)
                }
            case .none:
                break
            }
        } catch {
            // What cannot be watched never has "nothing now", so this is a descriptor that went bad.
            inputEnded(port)
        }
    }
}
