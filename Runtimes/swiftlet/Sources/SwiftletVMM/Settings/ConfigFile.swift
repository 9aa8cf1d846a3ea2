// SPDX-License-Identifier: Apache-2.0

/// `--config-file`: an object whose sections are the bodies of the API's requests.
struct ConfigFile: JSONRecord {
    private var sections: [JSONValue.Member] = []

    /// Longer ones are refused unread.
    static let byteLimit = 1 << 20

    init(from fields: inout JSONFields) throws(JSONFault) {
        for name in ["boot-source", "machine-config"] + DeviceCatalog.kinds.map({ $0.name }) {
            if let value = fields.take(name), value != .null { sections.append(.init(name, value)) }
        }
        for (name, unused) in VMSettings.notYet { try fields.refuse(name, allowing: unused) }
        if json["boot-source"] == nil { throw .missing(field: "boot-source") }
    }

    var json: JSONValue { .object(sections) }
}

extension VMSettings {
    /// Takes over a configuration file's text.
    public func load(_ text: [UInt8]) throws(ConfigError) {
        let file: JSONValue
        let source: BootSource?
        let settings: MachineSettings?
        do throws(JSONFault) {
            file = try ConfigFile(JSONValue(parsing: text), name: "VmmConfig").json
            if let body = file["boot-source"] {
                source = try BootSource(body, name: "BootSourceConfig")
            } else {
                source = nil
            }
            if let body = file["machine-config"] {
                settings = try MachineSettings(body, name: "MachineConfig")
            } else {
                settings = nil
            }
        } catch {
            throw .json(error)
        }
        if let source { try put(source) }
        if let settings { try put(settings) }
        for kind in DeviceCatalog.kinds {
            guard let body = file[kind.name] else { continue }
            for element in try Self.elements(of: body, kind) {
                try kind.put(element, id: nil).perform(devices)
            }
        }
    }

    private static func elements(of body: JSONValue, _ kind: any DeviceKind.Type) throws(ConfigError) -> [JSONValue] {
        guard kind.isKeyed else { return [body] }
        guard case .array(let elements) = body else {
            throw .json(.type(field: kind.name, body.kind, expected: "a sequence"))
        }
        return elements
    }
}
