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
        do throws(JSONFault) { file = try ConfigFile(JSONValue(parsing: text), name: "VmmConfig").json } catch {
            throw .json(error)
        }
        if let body = file["boot-source"] { try putBootSource(body) }
        if let body = file["machine-config"] { try putMachine(body) }
        for slot in devices.slots {
            guard let body = file[slot.name] else { continue }
            guard slot.isKeyed else {
                try slot.put(body, id: nil)
                continue
            }
            guard case .array(let elements) = body else {
                throw .json(.type(field: slot.name, body.kind, expected: "a sequence"))
            }
            for element in elements { try slot.put(element, id: nil) }
        }
    }
}
