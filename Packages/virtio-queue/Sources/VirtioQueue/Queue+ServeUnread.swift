// SPDX-License-Identifier: Apache-2.0

extension Queue {
    /// Serves what is in the queue without a look into it: each chain is returned as `body` says, with doorbells and
    /// publication as in `serve(into:limit:_:)`.
    ///
    /// For devices to which a chain is only a signal, or that have nobody to give it to. It is the fastest way through a queue,
    /// as the ring's positions stay in registers: `body` must not call this queue.
    /// - Parameters:
    ///   - limit: the most chains to take.
    ///   - body: how many bytes were written from the start of the chain's writable part.
    /// - Returns: never `.putBack`.
    /// - Throws: a broken ring: call `Interrupt.needsReset()`.
    @inlinable @inline(__always)
    public func serveUnread(limit: Int, _ body: (ChainHead) -> UInt32) throws(QueueError) -> ServeOutcome {
        defer { publish() }
        var left = limit
        repeat {
            disableNotifications()
            if let failure { throw failure }
            if isPlain {
                try returnSplit(&left, body)
            } else if !isInOrder {
                try returnPacked(&left, body)
            } else {
                while left > 0, let chain = try pop() {
                    left &-= 1
                    stage(chain.head, written: body(chain.head))
                }
            }
            guard left > 0 else { return .limitReached }
            publish()
        } while enableNotifications()
        return .drained
    }

    @inlinable @inline(__always)
    func returnSplit(_ left: inout Int, _ body: (ChainHead) -> UInt32) throws(QueueError) {
        var ring = split
        defer { split = ring }
        do throws(QueueError) {
            while left > 0, let chain = try ring.take() {
                left &-= 1
                ring.stage(chain.head, written: body(chain.head))
            }
        } catch {
            ring.stop()
            throw fail(error)
        }
    }

    /// The same again: compilers do not see through a protocol's method that throws a type, and one loop that is given
    /// closures takes a fifth longer, as does one `catch` for both.
    @inlinable @inline(__always)
    func returnPacked(_ left: inout Int, _ body: (ChainHead) -> UInt32) throws(QueueError) {
        var ring = packed
        defer { packed = ring }
        do throws(QueueError) {
            while left > 0, let chain = try ring.take() {
                left &-= 1
                ring.stage(chain.head, written: body(chain.head))
            }
        } catch {
            ring.stop()
            throw fail(error)
        }
    }
}
