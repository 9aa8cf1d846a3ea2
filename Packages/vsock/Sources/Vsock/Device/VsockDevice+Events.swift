// SPDX-License-Identifier: Apache-2.0
internal import VMMSysUtil
internal import VirtioModel
internal import VirtioQueue

/// Whether packets may go to the guest, which must first hear that all connections are gone.
enum EventGate: Equatable {
    /// They may.
    case open
    /// The event waits for a buffer of the guest.
    case waitingForBuffer(deadline: UInt64)
    /// The guest has the event; it has dealt with it when it gives a buffer back.
    case waitingForDriver(deadline: UInt64)

    var deadline: UInt64? {
        switch self {
        case .open: nil
        case .waitingForBuffer(let deadline), .waitingForDriver(let deadline): deadline
        }
    }
}

extension VsockDevice {
    /// VIRTIO_VSOCK_EVENT_TRANSPORT_RESET, an event of 32 bits (virtio 1.2, 5.10.6.7).
    private static let transportReset: UInt32 = 0

    /// Ends all connections, and tells the guest that they are gone while its listening sockets stay: for a machine that
    /// was restored from a saved state, whose connections exist nowhere but in the guest's memory. On the device's thread
    /// only.
    ///
    /// Nothing else goes to the guest before it has dealt with that, as it would end a new connection too; but at most
    /// for `options.requestTimeout`, so that a guest which never answers is not cut off for ever.
    ///
    /// A guest that waits for an answer to its REQUEST gets an RST, as the event is about connections that exist; one
    /// without an event queue gets one for each connection.
    public func resetTransport() {
        guard active != nil else { return }
        let resets = resetsToTell
        for connection in Array(connections.values) { remove(connection) }
        turns.removeAll()
        strays.removeAll()
        for reset in resets { strays.append(header(of: reset)) }
        if active?.event != nil { closeGate() }
        serveEvents()
        serveUnasked()
    }

    /// Keeps everything from the guest until it has dealt with the event.
    func closeGate() {
        let deadline = clock.time(after: options.requestTimeout)
        gate = .waitingForBuffer(deadline: deadline)
        arm(deadline)
    }

    /// Takes the buffers that the guest offers for events, and uses one if there is an event.
    @discardableResult
    func serveEvents() -> QueueService {
        guard let queue = active?.event, !isPaused else { return .drained }
        var left = Int(queue.size)
        do throws(QueueError) {
            taking: repeat {
                while true {
                    // A guest may offer malformed ones as fast as they come back.
                    guard left > 0 else { break taking }
                    left &-= 1
                    let chain = ChainBuffers(capacity: 2)
                    do throws(QueueError) {
                        guard try queue.pop(into: chain) != nil else { break }
                        eventChains.append(chain)
                        // 5.10.6.7: the buffer of an event comes back after it was dealt with. Which one this is does
                        // not show, so all that were given back before have to.
                        unreturnedEventBufferCount = max(unreturnedEventBufferCount &- 1, 0)
                        if case .waitingForDriver = gate, unreturnedEventBufferCount == 0 { gate = .open }
                    } catch {
                        guard queue.recover(from: error) else { throw error }
                    }
                }
            } while queue.enableNotifications()
        } catch {
            fail(queue, 2, error)
            return .drained
        }
        sendEvent(queue)
        return left > 0 ? .drained : .again
    }

    private func sendEvent(_ queue: Queue) {
        guard case .waitingForBuffer(let deadline) = gate else { return }
        // A queue's worth of buffers at most.
        while let chain = eventChains.popFirst() {
            var writer = chain.writer
            let isWritten = writer.write(Self.transportReset)
            queue.push(chain, written: isWritten ? 4 : 0)
            unreturnedEventBufferCount &+= 1
            if isWritten {
                gate = .waitingForDriver(deadline: deadline)
                break
            }
            counters.malformed &+= 1
        }
        signal(queue, 2)
    }

    /// The guest neither gives a buffer for the event nor the event's back.
    func gateTimedOut() { gate = .open }
}
