// SPDX-License-Identifier: Apache-2.0
internal import SeccompilerBPF
internal import VirtioModel

/// A device of a machine, and what its configuration calls it.
struct NamedDevice {
    let name: String
    let device: any VirtioDevice
}

/// All devices of one kind that a machine has or will have; the kind is erased.
protocol DeviceSlot: AnyObject {
    /// The path in the API and the key in the configuration file.
    var name: String { get }
    /// What `GET /vm/config` shows.
    var json: JSONValue { get }
    /// The devices in order, for a machine that is to start.
    func devices() throws(ConfigError) -> [NamedDevice]
    /// Lets go of devices that a machine was to have which could not be made.
    func release()
    /// What the device thread may do for them, as they are.
    var filters: [FilterPiece] { get }
    /// What it may do besides where they can be changed.
    var changeFilters: [FilterPiece] { get }
    /// What the kernel must be told.
    var bootArguments: [String] { get }
}

/// The devices of a kind.
final class Slot<Kind: DeviceKind>: DeviceSlot {
    private struct Entry {
        var config: Kind.Config
        /// nil after a start that failed: a device is attached to one machine only.
        var device: Kind.Device?
    }

    private var entries: [Entry] = []
    private let notice: (String) -> Void

    init(notice: @escaping (String) -> Void) { self.notice = notice }

    var name: String { Kind.name }

    /// Adds a device, or replaces that of the same id.
    func put(_ config: Kind.Config) throws(ConfigError) {
        let former = entries.firstIndex { Kind.id(of: $0.config) == Kind.id(of: config) }
        var others = entries
        if let former { others.remove(at: former) }
        let position = try Kind.position(of: config, among: others.map(\.config), former: former)
        if Kind.holdsHostName, let former { entries[former].device = nil }
        others.insert(Entry(config: config, device: try Kind.make(config, notice)), at: min(position, others.count))
        entries = others
    }

    /// Changes a device of a running machine.
    func patch(_ change: Kind.Change) throws(ConfigError) {
        guard let index = entries.firstIndex(where: { Kind.id(of: $0.config) == Kind.id(of: change) }),
            let device = entries[index].device
        else { throw .device(prefix: Kind.faultPrefix, "Device not found: \(Kind.id(of: change))") }
        try Kind.apply(change, to: device, &entries[index].config)
    }

    var json: JSONValue {
        Kind.isKeyed ? .array(entries.map(\.config.json)) : entries.first?.config.json ?? .null
    }

    func devices() throws(ConfigError) -> [NamedDevice] {
        var devices: [NamedDevice] = []
        for index in entries.indices {
            let device: Kind.Device
            if let made = entries[index].device {
                device = made
            } else {
                device = try Kind.make(entries[index].config, notice)
            }
            entries[index].device = device
            let id = Kind.id(of: entries[index].config)
            devices.append(NamedDevice(name: Kind.isKeyed ? "\(name)/\(id)" : name, device: device))
        }
        return devices
    }

    func release() {
        for index in entries.indices { entries[index].device = nil }
    }

    var filters: [FilterPiece] {
        var pieces = entries.isEmpty ? [] : Kind.filters
        for entry in entries {
            for piece in Kind.filters(of: entry.config) where !pieces.contains(where: { $0.name == piece.name }) {
                pieces.append(piece)
            }
        }
        return pieces
    }

    var changeFilters: [FilterPiece] { entries.isEmpty ? [] : Kind.changeFilters }

    var bootArguments: [String] { entries.compactMap { Kind.bootArguments(of: $0.config) } }
}
