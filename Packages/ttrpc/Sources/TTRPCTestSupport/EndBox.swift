// SPDX-License-Identifier: Apache-2.0
internal import Synchronization
internal import VMMSysUtil

/// Carries a descriptor into a closure, which may take it once.
final class EndBox: Sendable {
    private let number: Atomic<Int32>

    init(_ descriptor: consuming FileDescriptor) { number = Atomic(descriptor.release()) }

    deinit { _ = take() }

    func take() -> FileDescriptor? {
        let number = number.exchange(-1, ordering: .acquiringAndReleasing)
        return number < 0 ? nil : FileDescriptor(owning: number)
    }
}
