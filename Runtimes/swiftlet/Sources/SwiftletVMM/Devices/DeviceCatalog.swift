// SPDX-License-Identifier: Apache-2.0
internal import VirtioModel

/// Every kind of device that the interface offers: the only list in the program.
enum DeviceCatalog {
    /// In the order in which a machine's devices are attached, and so found by the guest.
    static let kinds: [any DeviceKind.Type] = [BlockKind.self, VsockKind.self, RngKind.self]
}

/// The devices that a machine is to have, by kind.
final class DeviceTable {
    let slots: [any DeviceSlot]
    let notice: @Sendable (String) -> Void

    /// - Parameter notice: told, in a line, what a device must do without on this host, and why it serves no more.
    init(notice: @escaping @Sendable (String) -> Void = { _ in }) {
        self.notice = notice
        func open<Kind: DeviceKind>(_: Kind.Type) -> any DeviceSlot { Slot<Kind>(notice: notice) }
        slots = DeviceCatalog.kinds.map { open($0) }
    }

    /// Adds a device, or replaces that of the same id.
    func put<Kind: DeviceKind>(_ kind: Kind.Type, _ config: Kind.Config) throws(ConfigError) {
        for case let slot as Slot<Kind> in slots { try slot.put(config) }
    }

    /// Changes a device of a running machine.
    func patch<Kind: DeviceKind>(_ kind: Kind.Type, _ change: Kind.Change) throws(ConfigError) {
        for case let slot as Slot<Kind> in slots { try slot.patch(change) }
    }

    /// Lets go of all devices; they are made anew for the next machine.
    func release() {
        for slot in slots { slot.release() }
    }

    /// All devices in order.
    func devices() throws(ConfigError) -> [NamedDevice] {
        var devices: [NamedDevice] = []
        for slot in slots { devices += try slot.devices() }
        return devices
    }
}
