// SPDX-License-Identifier: Apache-2.0
internal import VMMSysUtil
internal import VirtioModel
internal import VirtioQueue

/// The requests that a `QueuedDisk` works on, between `activate` and `reset`, or one disk and the next.
///
/// It keeps the queue, and with it guest memory, until the last transfer has come back.
final class BlockFlights {
    /// A request in flight, or room for one.
    final class Flight {
        let chain = ChainBuffers(capacity: 4)
        let transfer: DiskTransfer
        fileprivate(set) var isInFlight = false

        init(index: Int) { transfer = DiskTransfer(index: index) }
    }

    let disk: any QueuedDisk
    private let queue: Queue
    private var source: (any EventSource)?
    private let flights: [Flight]
    private var spares: [Int]
    /// Whether requests are left in the queue, with the doorbell off, for want of room here.
    var isStarved = false

    init(
        _ disk: any QueuedDisk, _ queue: Queue, _ events: any EventRegistry, _ completed: @escaping () -> Void
    ) throws(Errno) {
        self.disk = disk
        self.queue = queue
        flights = (0..<max(disk.transfersMax, 1)).map(Flight.init)
        spares = Array(flights.indices.reversed())
        source = try disk.watch(with: events, completed)
    }

    deinit { end { _ in } }

    /// Room for one more; the same each time until `begin`. nil if there is none.
    var spare: Flight? { spares.last.map { flights[$0] } }

    /// Has the disk begin the transfer of `spare`, when it is told to commit.
    func begin(_ flight: Flight) {
        spares.removeLast()
        flight.isInFlight = true
        disk.submit(flight.transfer)
    }

    /// A request that is done, and room again when it is answered.
    func takeCompleted() -> Flight? {
        while let transfer = disk.takeCompleted() {
            guard flights.indices.contains(transfer.index) else { continue }
            let flight = flights[transfer.index]
            guard flight.transfer === transfer, flight.isInFlight else { continue }
            flight.isInFlight = false
            spares.append(transfer.index)
            return flight
        }
        return nil
    }

    /// Waits for everything in flight, and watches the disk no more.
    func end(_ answer: (Flight) -> Void) {
        source?.remove()
        source = nil
        while spares.count < flights.count {
            disk.waitForCompletion()
            while let flight = takeCompleted() { answer(flight) }
        }
    }
}
