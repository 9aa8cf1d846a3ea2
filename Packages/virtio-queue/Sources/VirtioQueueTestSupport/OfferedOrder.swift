// SPDX-License-Identifier: Apache-2.0

/// The driver's side of VIRTIO_F_IN_ORDER: chains in the order of their offer, and what a used entry says of those that it
/// skips (virtio 1.2, 2.7.9 and 2.8.8).
struct OfferedOrder<Used> {
    /// A chain, and how many bytes the device may write.
    struct Chain {
        let id: UInt16
        let room: UInt32
    }

    private var offered: [Chain] = []
    /// What the device said of the batch that is being taken back, or rather of its last chain.
    private var batch: Used?

    mutating func offer(_ id: UInt16, _ buffers: [DriverQueue.Buffer]) {
        let room = buffers.reduce(0 as UInt32) { $0 &+ ($1.isWritable ? $1.byteCount : 0) }
        offered.append(Chain(id: id, room: room))
    }

    /// The next chain that comes back.
    /// - Parameters:
    ///   - read: reads the next used entry; nil if there is none.
    ///   - id: which chain an entry names.
    ///   - skipped: makes the entry that one would have that is not the last of its batch: all of its room was written.
    /// - Returns: what was read, if nothing is offered.
    mutating func next<E: Error>(
        _ read: () throws(E) -> Used?, id: (Used) -> UInt32, skipped: (Chain) -> Used
    ) throws(E) -> Used? {
        if batch == nil { batch = try read() }
        guard let last = batch else { return nil }
        let chain = offered.isEmpty ? nil : offered.removeFirst()
        if let chain, UInt32(chain.id) != id(last) { return skipped(chain) }
        batch = nil
        return last
    }
}
