// SPDX-License-Identifier: Apache-2.0
internal import VMMSysUtil
internal import VMMemory
public import VirtioModel
public import VirtioQueue

/// A virtio block device (virtio 1.2, 5.2): one queue of requests for one disk.
///
/// ```
/// doorbell ──► queueNotified ──► BlockRequest      reads it out of the chain, and checks it
///                            ──► BlockExecution    makes a DiskTransfer of it; FileDisk does that at once
///                            ──► BlockCompletion   status byte and used length
/// interrupt ◄── signalQueue, once for a batch
/// ```
/// With a `QueuedDisk`, such as `RingDisk`, `BlockDevice+Flights` takes the requests, each into room that `BlockFlights` has, and
/// answers each when the disk is done with it. A request that breaks the rules is answered with an error, and the device
/// goes on.
public final class BlockDevice: QueueResettableDevice {
    /// Requests answered together. A few, since the first waits for the last.
    static let requestsPerBatch = 8
    /// Batches served before others on the same thread get their turn.
    static let batchesPerTurn = 8
    /// Bytes after which a turn ends, for the same reason.
    static let bytesPerTurn: UInt64 = 8 << 20

    private let options: BlockOptions
    private(set) var disk: (any Disk)?
    private let offersReadOnly: Bool
    private(set) var host: DeviceHost?
    private(set) var active: Active?
    /// For the queue that comes after a reset of the first.
    private(set) var interrupt: (any Interrupt)?
    /// Whether the device stands still.
    var isPaused = false
    /// The device's rate limiter. Its limits may be changed on the device's thread.
    public let throttle: Throttle?
    /// What the device has done so far.
    public internal(set) var counters = BlockCounters()

    /// What exists between `activate` and `reset`.
    final class Active {
        let queue: Queue
        let interrupt: any Interrupt
        let features: VirtioFeatures
        let chain = ChainBuffers(capacity: 256)
        let execution: BlockExecution
        /// Of a disk that has several requests in flight.
        var flights: BlockFlights?

        init(_ queue: Queue, _ interrupt: any Interrupt, options: BlockOptions) {
            queue.malformedChainPolicy = .returnHead
            self.queue = queue
            self.interrupt = interrupt
            features = queue.features
            execution = BlockExecution(options: options, features: queue.features)
        }
    }

    /// Makes a device for a disk.
    /// - Parameters:
    ///   - disk: nil for a drive without a medium, which has no sectors until `replaceDisk` gives it some. Of a
    ///     `QueuedDisk` several requests are in flight at once; with any other, one is done before the next is looked at.
    ///   - options: what the driver is offered.
    ///   - throttle: nil for a device that is never limited.
    public init(disk: (any Disk)?, options: BlockOptions = BlockOptions(), throttle: Throttle? = nil) {
        self.disk = disk
        self.throttle = throttle
        self.options = options
        offersReadOnly = options.isReadOnly || disk?.isReadOnly == true
    }

    /// `.block`.
    public var deviceID: DeviceID { .block }
    /// One queue.
    public var queueMaximumSizes: [UInt16] { [options.queueSize] }
    /// SEG_MAX, BLK_SIZE, FLUSH with a write-back cache; RO, or else DISCARD and WRITE_ZEROES; both queue features.
    public var offeredFeatures: VirtioFeatures { options.features(isReadOnly: offersReadOnly) }
    /// Capacity and limits.
    public var initialConfiguration: [UInt8] { configuration.bytes }

    var capacitySectors: UInt64 { (disk?.byteCount ?? 0) / BlockConfigSpace.sectorByteCount }

    private var configuration: BlockConfigSpace {
        BlockConfigSpace(
            capacitySectors: capacitySectors,
            // Header and status take a descriptor each (5.2.6).
            segmentsMax: UInt32(max(options.queueSize, 3)) - 2,
            blockByteCount: options.blockByteCount)
    }

    /// Keeps the host.
    public func attach(to host: DeviceHost) { self.host = host }

    /// Puts another disk in, when every request that was begun is done and answered; the driver learns the new capacity by a configuration interrupt
    /// (virtio 1.2, 5.2.5). On the device's thread only.
    ///
    /// The features stay: on a device that did not offer RO, a read-only disk fails each write.
    /// - Parameter disk: nil takes the medium out.
    public func replaceDisk(_ disk: (any Disk)?) {
        if let active { endFlights(active) }
        self.disk = disk
        if let active, !isPaused { beginFlights(active) }
        host?.configuration.publish(configuration.bytes)
    }

    /// Takes queue 0.
    public func activate(_ activation: Activation) throws(ActivationError) {
        let queue = try activation.queue(0)
        do throws(Errno) { try start(activation.interrupt) } catch { throw .host(error) }
        restartQueue(0, queue)
    }

    /// Begins, without a queue.
    func start(_ interrupt: any Interrupt) throws(Errno) {
        if let throttle, let host {
            try throttle.start(host.events) { [weak self] in self?.queueNotified(0) ?? .drained }
        }
        self.interrupt = interrupt
    }

    /// Takes queue 0.
    public func restartQueue(_ index: UInt16, _ queue: Queue) {
        guard let interrupt else { return }
        let active = Active(queue, interrupt, options: options)
        if !isPaused { beginFlights(active) }
        self.active = active
    }

    /// Drops the queue, when everything that is in flight has come back; none of it is answered.
    public func resetQueue(_ index: UInt16) {
        throttle?.cancel()
        active?.flights?.end { _ in }
        active = nil
    }

    /// Drops the queue, as `resetQueue` does.
    public func reset() {
        resetQueue(0)
        throttle?.stop()
        interrupt = nil
        isPaused = false
    }

    /// Serves requests until there are none, or the turn is over.
    public func queueNotified(_ index: UInt16) -> QueueService {
        guard index == 0, !isPaused, let active, throttle?.beginTurn() != false else { return .drained }
        let limits = BlockRequest.Limits(
            capacitySectors: capacitySectors, isReadOnly: offersReadOnly || disk?.isReadOnly == true,
            features: active.features)
        if let flights = active.flights { return serveInFlight(active, flights, limits) }
        var bytes = Self.bytesPerTurn
        for _ in 0..<Self.batchesPerTurn {
            let outcome: ServeOutcome
            do throws(QueueError) {
                outcome = try active.queue.serve(into: active.chain, limit: Self.requestsPerBatch) { chain in
                    guard bytes > 0 else { return .putBack }
                    return answer(chain, active, limits, bytesLeft: &bytes)
                }
            } catch {
                signal(active)
                fail(active, error)
                return .drained
            }
            signal(active)
            switch outcome {
            case .drained: return .drained
            case .putBack: return throttle?.isWaiting == true ? .drained : .again
            case .limitReached: continue
            }
        }
        return .again
    }

    /// Tells the driver of what was published, if it wants to know.
    func signal(_ active: Active) {
        if active.queue.shouldSignalDriver() { active.interrupt.signalQueue(0) }
    }

    /// The ring is broken.
    func fail(_ active: Active, _ error: QueueError) {
        throttle?.cancel()
        active.interrupt.needsReset(.queue(index: 0, error))
    }

    /// Parses one request, and does or begins it.
    /// - Parameters:
    ///   - chain: the request's.
    ///   - active: what belongs to the queue.
    ///   - limits: what the disk allows now.
    ///   - flight: room for the request where several are in flight; the chain is in it.
    ///   - bytesLeft: what is left of the turn, and less afterwards.
    func answer(
        _ chain: ChainBuffers, _ active: Active, _ limits: BlockRequest.Limits, _ flight: BlockFlights.Flight? = nil,
        bytesLeft: inout UInt64
    ) -> ChainOutcome {
        func spend(_ byteCount: UInt64) { bytesLeft = bytesLeft &- min(bytesLeft, byteCount) }
        spend(chain.readableByteCount &+ chain.writableByteCount)
        let completion: BlockCompletion
        do throws(BlockRequest.Malformed) {
            let request = try BlockRequest(chain, limits: limits)
            guard admits(request) else { return .putBack }
            spend(request.zeroedByteCount)
            if let flight, active.execution.prepare(flight.transfer, for: request) { return .inFlight }
            if let disk {
                completion = active.execution.run(request, on: disk, counting: &counters)
                throttle?.charge(byteCount: completion.zeroedByteCount)
            } else {
                // No medium.
                counters.failures &+= 1
                completion = BlockCompletion(status: .ioError)
            }
        } catch {
            // It costs the device about as much as one that keeps the rules.
            guard admits(nil) else { return .putBack }
            if error == .unsupported { counters.unsupported &+= 1 } else { counters.malformed &+= 1 }
            completion = BlockCompletion(status: error.status)
        }
        return completion.finish(chain)
    }

    /// Every request is an operation; reads and writes are bytes as well, and zeroes when the disk had to write them.
    private func admits(_ request: BlockRequest?) -> Bool {
        throttle?.admits(byteCount: request?.transferByteCount ?? 0) ?? true
    }
}
