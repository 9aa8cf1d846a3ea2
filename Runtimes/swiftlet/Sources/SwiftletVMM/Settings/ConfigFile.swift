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

/// What a configuration file asks for, decoded, and nothing of it done.
private struct ConfigRequest {
    var source: BootSource?
    var settings: MachineSettings?
    var devices: [DeviceRequest] = []

    init(_ text: [UInt8]) throws(ConfigError) {
        let file: JSONValue
        do throws(JSONFault) {
            file = try ConfigFile(JSONValue(parsing: text), name: "VmmConfig").json
            if let body = file["boot-source"] { source = try BootSource(body, name: "BootSourceConfig") }
            if let body = file["machine-config"] { settings = try MachineSettings(body, name: "MachineConfig") }
        } catch {
            throw .json(error)
        }
        for kind in DeviceCatalog.kinds {
            guard let body = file[kind.name] else { continue }
            for element in try Self.elements(of: body, kind) { devices.append(try kind.put(element, id: nil)) }
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

extension VMSettings {
    /// Takes over a configuration file's text. A file that does not decode changes nothing.
    public func load(_ text: [UInt8]) throws(ConfigError) {
        let request = try ConfigRequest(text)
        if let source = request.source { try put(source) }
        if let settings = request.settings { try put(settings) }
        for device in request.devices { try device.perform(devices) }
    }
}

/// Decodes a configuration file and does nothing of it: for fuzzing, where no text may reach the host's files.
package enum ConfigProbe {
    /// - Returns: how many devices the text asks for.
    package static func deviceCount(in text: [UInt8]) throws(ConfigError) -> Int {
        try ConfigRequest(text).devices.count
    }
}
