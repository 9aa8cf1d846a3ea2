// SPDX-License-Identifier: Apache-2.0
internal import SeccompilerBPF
internal import VirtioModel

/// A kind of device as the interface knows it: what it is called, what it takes, how it is made and changed.
///
/// One conformance is one file, and one line of `DeviceCatalog`. The API, the configuration file and the machine go
/// through the catalog and name no device.
protocol DeviceKind: SendableMetatype {
    /// The engine.
    associatedtype Device: VirtioDevice
    /// The body of PUT, the section of the configuration file, and what `GET /vm/config` shows.
    associatedtype Config: JSONRecord
    /// The body of PATCH; `NoChange` where nothing can be changed while the guest runs.
    associatedtype Change: JSONRecord

    /// The path in the API and the key in the configuration file.
    static var name: String { get }
    /// How a fault begins.
    static var faultPrefix: String { get }
    /// Whether there may be many, told apart by an id; else there is at most one.
    static var isKeyed: Bool { get }
    /// Whether the old device must be gone before one that replaces it can be made.
    static var holdsHostName: Bool { get }
    /// The system calls by which its devices are served, on the device thread: `Policy/<name>.json`.
    static var filters: [FilterPiece] { get }
    /// What this one needs besides.
    static func filters(of config: Config) -> [FilterPiece]
    /// The system calls by which `apply` changes one.
    static var changeFilters: [FilterPiece] { get }

    /// The id, of a kind that has many.
    static func id(of config: Config) -> String
    /// The id that a change names.
    static func id(of change: Change) -> String
    /// Where among the others a new device belongs, after its namesake was taken out.
    /// - Parameter former: where its namesake was.
    static func position(of config: Config, among others: [Config], former: Int?) throws(ConfigError) -> Int
    /// Makes the device; opens what it needs of the host.
    /// - Parameters:
    ///   - config: what was asked for.
    ///   - notice: told, in a line, what the host does not have and the device does without.
    static func make(_ config: Config, _ notice: (String) -> Void) throws(ConfigError) -> Device
    /// Changes the device of a running machine, on its thread. Throws without having changed anything.
    static func apply(_ change: Change, to device: Device, _ config: inout Config) throws(ConfigError)
    /// What the kernel must be told.
    static func bootArguments(of config: Config) -> String?
}

extension DeviceKind {
    static var holdsHostName: Bool { false }
    static var changeFilters: [FilterPiece] { [] }
    static func filters(of config: Config) -> [FilterPiece] { [] }
    static func id(of config: Config) -> String { name }
    static func id(of change: Change) -> String { name }
    static func position(of config: Config, among others: [Config], former: Int?) throws(ConfigError) -> Int {
        former ?? others.count
    }
    static func apply(_ change: Change, to device: Device, _ config: inout Config) throws(ConfigError) {
        throw .notSupportedAfterBoot
    }
    static func bootArguments(of config: Config) -> String? { nil }
    /// Whether PATCH is known.
    static var isChangeable: Bool { Change.self != NoChange.self }
}

extension DeviceKind {
    /// Decodes the body of PUT.
    /// - Parameter id: what the request's path names, nil if it has no place for an id.
    static func put(_ body: JSONValue, id: String?) throws(ConfigError) -> DeviceRequest {
        let config = try decode(Config.self, body)
        if let id, id != Self.id(of: config) { throw .idMismatch }
        return DeviceRequest { table throws(ConfigError) in try table.put(Self.self, config) }
    }

    /// Decodes the body of PATCH.
    static func patch(_ body: JSONValue, id: String?) throws(ConfigError) -> DeviceRequest {
        let change = try decode(Change.self, body)
        if let id, id != Self.id(of: change) { throw .idMismatch }
        return DeviceRequest { table throws(ConfigError) in try table.patch(Self.self, change) }
    }

    private static func decode<Record: JSONRecord>(_ type: Record.Type, _ body: JSONValue) throws(ConfigError) -> Record
    {
        do throws(JSONFault) { return try Record(body, name: name) } catch { throw .json(error) }
    }
}

/// What is to be done with the devices of a machine; the kind is erased.
struct DeviceRequest: Sendable {
    /// On the thread that owns them.
    let perform: @Sendable (DeviceTable) throws(ConfigError) -> Void
}

/// For kinds of which nothing can be changed while the guest runs.
struct NoChange: JSONRecord {
    init(from fields: inout JSONFields) throws(JSONFault) {}
    var json: JSONValue { .object([]) }
}
