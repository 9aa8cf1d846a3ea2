// SPDX-License-Identifier: Apache-2.0
internal import Glibc
public import VMMSysUtil
public import VMMemory
public import VirtioModel

/// A file or a block device whose reads, writes and flushes go through `io_uring(7)`, several at once.
///
/// Where there is no io_uring, use the file as it is:
/// ```swift
/// let disk: any Disk = (try? RingDisk(file)) ?? file
/// ```
/// Discards and zeroing are done at once. Dropping a disk waits for what is in flight.
public final class RingDisk: QueuedDisk {
    private let file: FileDisk
    private let ring: IOUring
    /// What is in flight, by index. A completion names its index, never a pointer.
    private var flights: [DiskTransfer?]
    /// Done without the ring.
    private var done: [DiskTransfer] = []
    /// How many transfers may be in flight.
    public let transfersMax: Int

    /// After this many attempts without a byte a transfer has failed. The kernel has no reason to let go of a file's
    /// transfer even once.
    static let vainAttemptsMax = 16

    /// Makes a restricted ring for a file; needs Linux 5.10.
    /// - Parameters:
    ///   - file: used by this disk alone from now on, if no error is thrown.
    ///   - transfersMax: how many may be in flight, from 1 to 4096.
    /// - Throws: what keeps this process from io_uring: it may be switched off, or the kernel too old.
    public init(_ file: FileDisk, transfersMax: Int = 64) throws(IOUringError) {
        ring = try file.makeRing(capacity: transfersMax)
        self.file = file
        self.transfersMax = transfersMax
        flights = [DiskTransfer?](repeating: nil, count: transfersMax)
        done.reserveCapacity(transfersMax)
    }

    deinit {
        // Without a device's memory nothing may be in flight: the kernel does not stop when a ring is closed.
        while ring.inFlight > 0 {
            ring.wait()
            while ring.next() != nil {}
        }
    }

    /// As the file's.
    public var byteCount: UInt64 { file.byteCount }
    /// As the file's.
    public var isReadOnly: Bool { file.isReadOnly }

    /// Watches the eventfd that the ring was registered with.
    public func watch(
        with events: any EventRegistry, _ handler: @escaping () -> Void
    ) throws(Errno) -> any EventSource {
        try events.watch(ring.event.descriptor, for: .read) { [weak self] _ in
            // Before the completions are taken, so that none comes in between unnoticed. It cannot fail: the counter is
            // ours, and nothing there is no error.
            _ = try? self?.ring.event.read()
            handler()
        }
    }

    /// Adds it to the ring.
    public func submit(_ transfer: DiskTransfer) {
        guard flights.indices.contains(transfer.index), flights[transfer.index] == nil else {
            transfer.error = .invalidArgument
            return done.append(transfer)
        }
        flights[transfer.index] = transfer
        if let error = refusal(of: transfer) { return end(transfer, error) }
        add(transfer)
    }

    /// Gives the kernel what was added. What it does not take is done at once.
    public func commit() {
        guard ring.waiting > 0 else { return }
        do throws(Errno) { try ring.submit() } catch {
            while let token = ring.withdraw() {
                if let transfer = flight(token) { runNow(transfer) }
            }
        }
    }

    /// The next one that is done. What was transferred in part goes on by itself.
    public func takeCompleted() -> DiskTransfer? {
        if done.isEmpty {
            while let completion = ring.next() {
                guard let transfer = flight(completion.token) else { continue }
                if isDone(transfer, completion.result) {
                    flights[transfer.index] = nil
                    return transfer
                }
                add(transfer)
            }
            commit()
        }
        return done.popLast()
    }

    /// Waits in the kernel.
    public func waitForCompletion() {
        commit()
        if done.isEmpty { ring.wait() }
    }

    private func flight(_ token: UInt64) -> DiskTransfer? {
        guard let index = Int(exactly: token), flights.indices.contains(index) else { return nil }
        return flights[index]
    }

    private func refusal(of transfer: DiskTransfer) -> Errno? {
        switch transfer.kind {
        case .flush: return nil
        case .write, .stableWrite: if isReadOnly { return .notPermitted }
        case .read: break
        }
        // The highest bits of an offset mean other things to the ring.
        return off_t(exactly: transfer.byteOffset) == nil ? .invalidArgument : nil
    }

    private func add(_ transfer: DiskTransfer) {
        let operation: IOUring.Operation =
            switch transfer.kind {
            case .read: .read
            case .write: .write(isStable: false)
            case .stableWrite: .write(isStable: true)
            case .flush: .synchronise
            }
        let isAdded = ring.add(
            operation, at: transfer.byteOffset, transfer.pieces, token: UInt64(transfer.index))
        if !isAdded { runNow(transfer) }
    }

    private func runNow(_ transfer: DiskTransfer) {
        transfer.run(on: file)
        end(transfer, transfer.error)
    }

    private func end(_ transfer: DiskTransfer, _ error: Errno?) {
        transfer.error = error
        flights[transfer.index] = nil
        done.append(transfer)
    }

    /// Notes what the kernel did.
    /// - Returns: false if something is left to do.
    private func isDone(_ transfer: DiskTransfer, _ result: Int32) -> Bool {
        if transfer.kind == .flush, result == 0 { return true }
        guard result > 0 else {
            let error = Errno(rawValue: 0 &- result)
            transfer.vainAttempts &+= 1
            if error == .interrupted || error == .wouldBlock, transfer.vainAttempts < Self.vainAttemptsMax {
                return false
            }
            // Nothing, and no error: the file was cut short behind our back.
            transfer.error = result == 0 ? .inputOutput : error
            return true
        }
        transfer.advance(byteCount: UInt64(result))
        return transfer.pieces.byteCount == 0
    }

    /// As the file does, before it returns.
    public func read(at byteOffset: UInt64, into pieces: inout IOVecs) throws(Errno) {
        try file.read(at: byteOffset, into: &pieces)
    }

    /// As the file does, before it returns.
    public func write(_ pieces: inout IOVecs, at byteOffset: UInt64) throws(Errno) {
        try file.write(&pieces, at: byteOffset)
    }

    /// As the file does, before it returns.
    public func flush() throws(Errno) { try file.flush() }

    /// As the file does, before it returns.
    public func discard(at byteOffset: UInt64, byteCount: UInt64) throws(Errno) {
        try file.discard(at: byteOffset, byteCount: byteCount)
    }

    /// As the file does, before it returns.
    @discardableResult
    public func writeZeroes(at byteOffset: UInt64, byteCount: UInt64, mayUnmap: Bool) throws(Errno) -> UInt64 {
        try file.writeZeroes(at: byteOffset, byteCount: byteCount, mayUnmap: mayUnmap)
    }
}
