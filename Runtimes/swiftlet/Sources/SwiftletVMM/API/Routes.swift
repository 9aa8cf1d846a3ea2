// SPDX-License-Identifier: Apache-2.0

/// Which request means what: one table, in which the devices' rows come from the catalog.
enum Routes {
    /// What a request asks for.
    enum Target {
        /// Something that is known without the machine.
        case told(JSONValue)
        /// Something that the machine's thread must do.
        case command(Command)
    }

    private struct Row {
        let method: String
        let path: String
        /// The segment that must follow, as in `/vm/config`.
        var then: String?
        let decode: @Sendable (_ body: [UInt8], _ id: String?) throws(ConfigError) -> Command
    }

    private static let rows: [Row] =
        [
            Row(method: "GET", path: "vm", then: "config") { _, _ in .readConfig },
            Row(method: "GET", path: "machine-config") { _, _ in .readMachine },
            Row(method: "PUT", path: "boot-source") { body, _ throws(ConfigError) in
                .putBootSource(try decode(body, "BootSourceConfig"))
            },
            Row(method: "PUT", path: "machine-config") { body, _ throws(ConfigError) in
                .putMachine(try decode(body, "MachineConfig"))
            },
            Row(method: "PATCH", path: "machine-config") { body, _ throws(ConfigError) in
                let change: MachineSettingsChange = try decode(body, "MachineConfigUpdate")
                if change.isEmpty { throw .emptyRequest("PATCH") }
                return .patchMachine(change)
            },
            Row(method: "PUT", path: "actions") { body, _ throws(ConfigError) in
                let action: Action = try decode(body, "ActionBody")
                return try action.command()
            },
        ] + DeviceCatalog.kinds.flatMap { rows(of: $0) } + notYet

    private static func rows(of kind: any DeviceKind.Type) -> [Row] {
        var rows = [
            Row(method: "PUT", path: kind.name) { body, id throws(ConfigError) in
                .putDevice(try kind.put(try parse(body), id: try checked(id, kind)))
            }
        ]
        if kind.isChangeable {
            rows.append(
                Row(method: "PATCH", path: kind.name) { body, id throws(ConfigError) in
                    .patchDevice(try kind.patch(try parse(body), id: try checked(id, kind)))
                })
        }
        return rows
    }

    /// Endpoints that the interface defines and that are refused by name.
    private static let notYet: [Row] = [
        ("GET", "balloon"), ("PUT", "balloon"), ("PATCH", "balloon"), ("PUT", "cpu-config"), ("GET", "hotplug"),
        ("PUT", "hotplug"), ("PATCH", "hotplug"), ("PUT", "logger"), ("PUT", "metrics"), ("GET", "mmds"),
        ("PUT", "mmds"), ("PATCH", "mmds"), ("PUT", "network-interfaces"), ("PATCH", "network-interfaces"),
        ("DELETE", "network-interfaces"), ("DELETE", "drives"), ("PUT", "pmem"), ("PATCH", "pmem"),
        ("DELETE", "pmem"), ("PUT", "serial"), ("PUT", "snapshot"), ("PATCH", "vm"),
    ].map { method, path in
        Row(method: method, path: path) { _, _ throws(ConfigError) in throw .notSupported("\(method) /\(path)") }
    }

    /// Finds out what a request asks for.
    static func target(of request: HTTPRequest, info: InstanceInfo) throws(ConfigError) -> Target {
        var segments = request.path.drop { $0 == "/" }.split(separator: "/").map(String.init)[...]
        let path = segments.popFirst() ?? ""
        let next = segments.popFirst()
        switch (request.method, request.body) {
        case ("GET", .some): throw .bodyInGet
        case ("PUT", nil), ("PATCH", nil): throw .emptyRequest(request.method)
        case ("GET", nil) where path.isEmpty: return .told(info.json)
        case ("GET", nil) where path == "version": return .told(info.versionJSON)
        default: break
        }
        for row in rows where row.method == request.method && row.path == path && (row.then ?? next) == next {
            return .command(try row.decode(request.body ?? [], next))
        }
        throw .unknownRequest(method: request.method, path: path)
    }

    private static func checked(_ id: String?, _ kind: any DeviceKind.Type) throws(ConfigError) -> String? {
        guard kind.isKeyed else { return nil }
        guard let id else { throw .emptyID }
        guard id.allSatisfy({ $0 == "_" || $0.isLetter || $0.isNumber }) else { throw .invalidID }
        return id
    }

    private static func parse(_ body: [UInt8]) throws(ConfigError) -> JSONValue {
        do throws(JSONFault) { return try JSONValue(parsing: body) } catch { throw .json(error) }
    }

    private static func decode<Record: JSONRecord>(_ body: [UInt8], _ name: String) throws(ConfigError) -> Record {
        do throws(JSONFault) { return try Record(JSONValue(parsing: body), name: name) } catch { throw .json(error) }
    }
}

/// `PUT /actions`.
private struct Action: JSONRecord {
    enum Kind: String, CaseIterable, Sendable {
        case flushMetrics = "FlushMetrics"
        case instanceStart = "InstanceStart"
        case sendCtrlAltDel = "SendCtrlAltDel"
    }

    let kind: Kind

    init(from fields: inout JSONFields) throws(JSONFault) {
        guard let kind = try fields.word("action_type", as: Kind.self) else { throw .missing(field: "action_type") }
        self.kind = kind
    }

    var json: JSONValue { .object([.init("action_type", .string(kind.rawValue))]) }

    func command() throws(ConfigError) -> Command {
        switch kind {
        case .flushMetrics: throw .notSupported(kind.rawValue)
        case .instanceStart: return .start
        case .sendCtrlAltDel: return .sendCtrlAltDel
        }
    }
}

/// Finds out what a request would ask for, without asking it: for fuzzing, where a request must not reach the host.
package enum RouteProbe {
    /// - Returns: 204 for what would be carried out, else the answer.
    package static func answer(to request: HTTPRequest) -> HTTPResponse {
        do throws(ConfigError) {
            switch try Routes.target(of: request, info: InstanceInfo(id: "probe", version: "0")) {
            case .told(let value): return HTTPResponse(.value(value))
            case .command: return HTTPResponse(.done)
            }
        } catch {
            return HTTPResponse(.fault("\(error)"))
        }
    }
}
