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

    init() {
        func open<Kind: DeviceKind>(_: Kind.Type) -> any DeviceSlot { Slot<Kind>() }
        slots = DeviceCatalog.kinds.map { open($0) }
    }

    /// The slot of that name.
    subscript(name: String) -> (any DeviceSlot)? { slots.first { $0.name == name } }

    /// Adds a device of a kind that the caller knows.
    func put<Kind: DeviceKind>(_ kind: Kind.Type, _ config: Kind.Config) throws(ConfigError) {
        for case let slot as Slot<Kind> in slots { try slot.put(config) }
    }

    /// Lets go of all devices; they are made anew for the next machine.
    func release() {
        for slot in slots { slot.release() }
    }

    /// All devices in order.
    func devices() throws(ConfigError) -> [any VirtioDevice] {
        var devices: [any VirtioDevice] = []
        for slot in slots { devices += try slot.devices() }
        return devices
    }
}
