// SPDX-License-Identifier: Apache-2.0

/// The chains that a queue with VIRTIO_F_IN_ORDER has taken and not given back, in their order (virtio 1.2, 2.7.9 and
/// 2.8.8), with what the device said of those that it was done with ahead of others.
///
/// As large as the queue from the beginning: no chain allocates. The device's thread alone uses it.
final class ChainOrder {
    /// One of them.
    struct Entry {
        let head: ChainHead
        var written: UInt32 = 0
        /// The device is done with it.
        var isDone = false
        /// And has written all of its room, which is what the driver assumes of a chain that no used entry names.
        var isComplete = false
    }

    private let entries: UnsafeMutablePointer<Entry>
    private let size: Int
    private var first = 0
    /// How many there are.
    private(set) var count = 0
    /// How many of them wait for one before.
    private(set) var doneCount = 0
    /// Where the used entry is that the next chain may take over, since all before it are complete: a counter of a split
    /// ring, a `PackedPosition` of the other. Holds only as long as that entry is not published.
    var openEntry: UInt32?

    init(size: UInt16) {
        self.size = Int(size)
        entries = .allocate(capacity: Int(size))
    }

    deinit { entries.deallocate() }

    /// Adds a chain that was taken.
    /// - Parameters:
    ///   - head: its name.
    ///   - written: of one that was saved, if it waits, how many bytes were written.
    ///   - isComplete: of such a one, whether those are all.
    func append(_ head: ChainHead, written: UInt32? = nil, isComplete: Bool = false) {
        // A queue takes no more chains than it has descriptors.
        guard count < size else { return }
        (entries + wrapped(first &+ count)).initialize(
            to: Entry(head: head, written: written ?? 0, isDone: written != nil, isComplete: isComplete))
        count &+= 1
        if written != nil { doneCount &+= 1 }
    }

    /// Removes the chain taken last.
    /// - Returns: false if it is another, or was given back.
    func removeLast(_ head: ChainHead) -> Bool {
        guard count > 0 else { return false }
        let last = entries[wrapped(first &+ count &- 1)]
        guard last.head == head, !last.isDone else { return false }
        count &-= 1
        return true
    }

    /// The device is done with a chain. One whose turn it is is found at once; another is looked for.
    /// - Returns: false if it is not here, or was done before.
    func finish(_ head: ChainHead, written: UInt32, isComplete: Bool) -> Bool {
        for distance in 0..<count {
            let place = wrapped(first &+ distance)
            guard entries[place].head == head, !entries[place].isDone else { continue }
            entries[place].written = written
            entries[place].isDone = true
            entries[place].isComplete = isComplete
            doneCount &+= 1
            return true
        }
        return false
    }

    /// Takes the first chain if the device is done with it.
    func takeFirst() -> Entry? {
        guard count > 0, entries[first].isDone else { return nil }
        defer {
            first = wrapped(first &+ 1)
            count &-= 1
            doneCount &-= 1
        }
        return entries[first]
    }

    /// All of them, in order.
    var all: [Entry] { (0..<count).map { entries[wrapped(first &+ $0)] } }

    /// Sums here are below twice the size.
    private func wrapped(_ place: Int) -> Int { place < size ? place : place &- size }
}
