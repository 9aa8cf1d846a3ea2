// SPDX-License-Identifier: Apache-2.0

/// What became of a chain that a device was given.
public enum ChainOutcome: Sendable, Equatable {
    /// Done, with so many bytes written from the start of its writable part.
    case used(written: UInt32)
    /// The device keeps the chain and pushes it later.
    case inFlight
    /// The device cannot take it now, for want of budget or room: it stays in the ring, and serving ends.
    case putBack
}

/// How serving a queue ended.
public enum ServeOutcome: Sendable, Equatable {
    /// Nothing is left, and the driver rings for the next chain.
    case drained
    /// The limit was reached; more may be there.
    case limitReached
    /// The device put a chain back; it serves again when it can.
    case putBack
}

extension Queue {
    /// Serves what is in the queue in the order that no doorbell gets lost in: doorbell off, take and answer chains,
    /// publish them in one go, doorbell on, look again.
    ///
    /// For devices that answer at once, or keep a chain without its buffers. Signal the driver afterwards if
    /// `shouldSignalDriver()` says so, also after an error.
    /// - Parameters:
    ///   - buffers: filled with one chain after the other.
    ///   - limit: the most chains to take, so that a driver that refills as fast as the device drains cannot keep the
    ///     device's thread from the other devices.
    ///   - body: what the device does with a chain.
    /// - Throws: a broken rule under `.failDevice`, or a broken ring: call `Interrupt.needsReset(_:)`.
    public func serve(
        into buffers: ChainBuffers, limit: Int, _ body: (ChainBuffers) -> ChainOutcome
    ) throws(QueueError) -> ServeOutcome {
        defer { publish() }
        var taken = 0
        repeat {
            disableNotifications()
            while true {
                guard taken < limit else { return .limitReached }
                do throws(QueueError) {
                    guard let head = try pop(into: buffers) else { break }
                    taken &+= 1
                    switch body(buffers) {
                    case .used(let written): stage(buffers, written: written)
                    case .inFlight: buffers.removeAll()
                    case .putBack:
                        undoPop(head)
                        return .putBack
                    }
                } catch {
                    guard recover(from: error) else { throw error }
                    taken &+= 1
                }
            }
            publish()
        } while enableNotifications()
        return .drained
    }
}
