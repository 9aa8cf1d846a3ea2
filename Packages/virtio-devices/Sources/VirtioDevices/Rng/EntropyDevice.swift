// SPDX-License-Identifier: Apache-2.0
internal import CVirtioDevices
internal import Glibc
internal import VMMSysUtil
internal import VMMemory
public import VirtioModel
public import VirtioQueue

/// A virtio entropy device (virtio 1.2, 5.4): fills the driver's buffers from the host kernel's generator.
public final class EntropyDevice: QueueResettableDevice {
    /// Bytes written for one request, however much room it has: descriptors may all name one buffer, and so ask for more
    /// than the guest even owns.
    public static let bytesPerRequest: UInt64 = 64 << 10
    /// Requests served before others on the same thread get their turn: 1 MiB, a few milliseconds.
    static let requestsPerTurn = 16

    private let queueSize: UInt16
    private let chain = ChainBuffers()
    private(set) var queue: Queue?
    private(set) var interrupt: (any Interrupt)?
    private(set) var host: DeviceHost?
    /// Whether the device stands still.
    var isPaused = false
    /// The device's rate limiter. Its limits may be changed on the device's thread.
    public let throttle: Throttle?

    /// Makes a device.
    /// - Parameters:
    ///   - queueSize: the largest queue; a power of two.
    ///   - throttle: nil for a device that is never limited.
    public init(queueSize: UInt16 = 64, throttle: Throttle? = nil) {
        self.queueSize = queueSize
        self.throttle = throttle
    }

    /// `.entropy`.
    public var deviceID: DeviceID { .entropy }
    /// One queue.
    public var queueMaximumSizes: [UInt16] { [queueSize] }
    /// No features of its own.
    public var offeredFeatures: VirtioFeatures { .implementedByQueue }
    /// None.
    public var initialConfiguration: [UInt8] { [] }

    /// Keeps the host.
    public func attach(to host: DeviceHost) { self.host = host }

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

    /// Takes the queue.
    public func restartQueue(_ index: UInt16, _ queue: Queue) {
        queue.malformedChainPolicy = .returnHead
        self.queue = queue
    }

    /// Drops the queue. What it owes of its limits stays.
    public func resetQueue(_ index: UInt16) {
        throttle?.cancel()
        queue = nil
        chain.removeAll()
    }

    /// Drops the queue.
    public func reset() {
        resetQueue(0)
        throttle?.stop()
        interrupt = nil
        isPaused = false
    }

    /// Fills what is there, until the turn is over.
    public func queueNotified(_ index: UInt16) -> QueueService {
        guard index == 0, !isPaused, let queue, let interrupt, throttle?.beginTurn() != false else { return .drained }
        var outcome = ServeOutcome.drained
        do throws(QueueError) {
            outcome = try queue.serve(into: chain, limit: Self.requestsPerTurn) { chain in
                let byteCount = min(chain.writableByteCount, Self.bytesPerRequest)
                guard throttle?.admits(byteCount: byteCount) != false else { return .putBack }
                return .used(written: UInt32(clamping: Self.fill(chain)))
            }
        } catch {
            throttle?.cancel()
            interrupt.needsReset(.queue(index: 0, error))
        }
        if queue.shouldSignalDriver() { interrupt.signalQueue(0) }
        return outcome == .limitReached ? .again : .drained
    }

    /// Writes random bytes where the chain lies. 5.4.6.1: a device may write fewer than there is room for.
    private static func fill(_ chain: ChainBuffers) -> UInt64 {
        var done: UInt64 = 0
        var index = 0
        while done < bytesPerRequest, let piece = chain.writable[index], var target = piece.baseAddress {
            var left = min(piece.count, Int(bytesPerRequest &- done))
            while left > 0 {
                let count = getrandom(target, left, 0)
                // Interrupted: again. Anything else does not happen on a kernel that has the call; what is filled counts.
                if count < 0 && errno == EINTR { continue }
                guard count > 0 else { return done }
                target += count
                left &-= count
                done &+= UInt64(count)
            }
            index &+= 1
        }
        return done
    }
}
