// SPDX-License-Identifier: Apache-2.0
internal import Synchronization
internal import VirtioModel

/// Tells the operator why a device serves its guest no more. A guest can break and reset its devices for ever, so each
/// device tells a few times and is silent then: the guest cannot fill a log, nor keep another device out of it.
final class FaultNotices: Sendable {
    /// How many lines a device has in the machine's life.
    static let limit = 4

    private let name: String
    private let notice: @Sendable (String) -> Void
    private let count = Atomic(0)

    /// - Parameters:
    ///   - name: of the device, as the configuration has it.
    ///   - notice: told, in a line.
    init(of name: String, notice: @escaping @Sendable (String) -> Void) {
        self.name = name
        self.notice = notice
    }

    func tell(_ fault: DeviceFault) {
        // Checked before it is counted, so that no guest makes it go round.
        guard count.load(ordering: .relaxed) < Self.limit else { return }
        let number = count.wrappingAdd(1, ordering: .relaxed).newValue
        guard number <= Self.limit else { return }
        let end = number == Self.limit ? "; no more is told of it" : ""
        notice("\(name): \(fault); it waits for the guest to reset it\(end)")
    }
}
