// SPDX-License-Identifier: Apache-2.0
internal import VMMSysUtil
internal import VirtioModel
internal import VirtioQueue

/// A block device whose disk goes on with several requests at once: chains go back in the order in which they are done.
extension BlockDevice {
    /// Begins with a disk that can; with any other, or if the host cannot watch it, requests are done one by one.
    func beginFlights(_ active: Active) {
        active.flights = nil
        guard let disk = disk as? any QueuedDisk, let host else { return }
        do throws(Errno) {
            active.flights = try BlockFlights(disk, active.queue, host.events) { [weak self] in self?.diskCompleted() }
        } catch {
            active.flights = nil
        }
    }

    /// Waits for what is in flight and answers it.
    func endFlights(_ active: Active) {
        guard let flights = active.flights else { return }
        flights.end { complete($0, active) }
        active.flights = nil
        publish(active)
        // No completion will come that serves what waited for room.
        if flights.isStarved { serveUnasked(0, on: host) }
    }

    /// As `Queue.serve`, with buffers for each request.
    func serveInFlight(_ active: Active, _ flights: BlockFlights, _ limits: BlockRequest.Limits) -> QueueService {
        var outcome = ServeOutcome.drained
        do throws(QueueError) { outcome = try takeRequests(active, flights, limits) } catch {
            fail(active, error)
        }
        // After an error too: what was begun comes back.
        flights.disk.commit()
        answerCompleted(active, flights)
        switch outcome {
        case .drained: return .drained
        case .limitReached: return .again
        case .putBack:
            // What was done within `commit` made room, and maybe nothing is in flight that would go on later.
            return flights.isStarved && flights.spare != nil ? .again : .drained
        }
    }

    private func takeRequests(
        _ active: Active, _ flights: BlockFlights, _ limits: BlockRequest.Limits
    ) throws(QueueError) -> ServeOutcome {
        let queue = active.queue
        var bytes = Self.bytesPerTurn
        var left = Self.requestsPerBatch * Self.batchesPerTurn
        flights.isStarved = false
        defer { queue.publish() }
        repeat {
            queue.disableNotifications()
            while true {
                guard left > 0, bytes > 0 else { return .limitReached }
                guard let flight = flights.spare else {
                    flights.isStarved = true
                    return .putBack
                }
                left &-= 1
                let chain = flight.chain
                do throws(QueueError) {
                    guard let head = try queue.pop(into: chain) else { break }
                    switch answer(chain, active, limits, flight, bytesLeft: &bytes) {
                    case .used(let written): queue.stage(chain, written: written)
                    case .inFlight: flights.begin(flight)
                    case .putBack:
                        queue.undoPop(head)
                        chain.removeAll()
                        return .putBack
                    }
                } catch {
                    guard queue.recover(from: error) else { throw error }
                }
            }
            queue.publish()
        } while queue.enableNotifications()
        return .drained
    }

    /// The disk says that something is done.
    private func diskCompleted() {
        guard let active, let flights = active.flights else { return }
        answerCompleted(active, flights)
        if flights.isStarved { serveUnasked(0, on: host) }
    }

    private func answerCompleted(_ active: Active, _ flights: BlockFlights) {
        // No more than were in flight: what they make room for has a turn of its own.
        while let flight = flights.takeCompleted() { complete(flight, active) }
        publish(active)
    }

    /// Answers a request whose transfer is done.
    private func complete(_ flight: BlockFlights.Flight, _ active: Active) {
        let completion = BlockExecution.completion(of: flight.transfer, counting: &counters)
        guard case .used(let written) = completion.finish(flight.chain) else { return }
        active.queue.stage(flight.chain, written: written)
    }

    private func publish(_ active: Active) {
        active.queue.publish()
        signal(active)
    }
}
