// SPDX-License-Identifier: Apache-2.0
internal import VMMSysUtil
internal import VirtioModel

/// A descriptor of the host and how it is watched; closed with the last reference, and not watched any more before.
final class HostSocket {
    let descriptor: FileDescriptor
    private var source: (any EventSource)?
    private var interest: EventSet = []

    init(_ descriptor: consuming FileDescriptor) { self.descriptor = descriptor }

    deinit { source?.remove() }

    /// Waits for `interest`, and for a hang-up in any case.
    /// - Parameter handler: kept from the first call until `stopWatching`.
    func watch(
        for interest: EventSet, in events: any EventRegistry, _ handler: @escaping (EventSet) -> Void
    ) throws(Errno) {
        if let source {
            if interest != self.interest { try source.setInterest(interest) }
        } else {
            source = try events.watch(descriptor, for: interest, handler)
        }
        self.interest = interest
    }

    func stopWatching() {
        source?.remove()
        source = nil
    }
}
