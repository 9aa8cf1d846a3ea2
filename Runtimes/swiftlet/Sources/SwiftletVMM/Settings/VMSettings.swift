// SPDX-License-Identifier: Apache-2.0

/// Everything that the interface can say about a machine before it starts. It lives on the thread that will run it.
public final class VMSettings {
    private(set) var bootSource = BootSource()
    private(set) var machine = MachineSettings()
    let devices = DeviceTable()

    /// No kernel, no devices.
    public init() {}

    /// `PUT /boot-source`.
    func putBootSource(_ body: JSONValue) throws(ConfigError) {
        let source = try Self.decode(BootSource.self, body, "BootSourceConfig")
        try source.check()
        bootSource = source
    }

    /// `PUT /machine-config`.
    func putMachine(_ body: JSONValue) throws(ConfigError) {
        let settings = try Self.decode(MachineSettings.self, body, "MachineConfig")
        try settings.check()
        machine = settings
    }

    /// `PATCH /machine-config`.
    func patchMachine(_ body: JSONValue) throws(ConfigError) {
        let change = try Self.decode(MachineSettingsChange.self, body, "MachineConfigUpdate")
        if change.isEmpty { throw .emptyChange }
        let settings = machine.applying(change)
        try settings.check()
        machine = settings
    }

    /// `GET /vm/config`, in the shape of the configuration file.
    public var json: JSONValue {
        var members: [JSONValue.Member] = [
            .init("boot-source", bootSource.json), .init("machine-config", machine.json),
        ]
        members += devices.slots.map { .init($0.name, $0.json) }
        members += Self.notYet.map { .init($0.name, $0.unused) }
        return .object(members)
    }

    /// What the machine is made of, besides its devices.
    func machineConfig() throws(ConfigError) -> MachineConfig {
        guard !bootSource.kernelImagePath.isEmpty else {
            throw .start("Cannot start microvm without kernel configuration.")
        }
        var config = MachineConfig(kernelPath: bootSource.kernelImagePath)
        config.initrdPath = bootSource.initrdPath
        if let arguments = bootSource.bootArguments {
            config.hasDefaultCommandLine = false
            config.commandLine = arguments
        }
        for slot in devices.slots {
            for arguments in slot.bootArguments { config.commandLine += " " + arguments }
        }
        config.memoryBytes = machine.memorySizeMiB << 20
        config.cpuCount = Int(machine.vcpuCount)
        return config
    }

    private static func decode<Record: JSONRecord>(
        _ type: Record.Type, _ body: JSONValue, _ name: String
    ) throws(ConfigError) -> Record {
        do throws(JSONFault) { return try Record(body, name: name) } catch { throw .json(error) }
    }

    /// Sections of the configuration file that are defined and not served yet, and what they are when unused.
    static let notYet: [(name: String, unused: JSONValue)] = [
        ("balloon", .null), ("cpu-config", .null), ("logger", .null), ("memory-hotplug", .null), ("metrics", .null),
        ("mmds-config", .null), ("network-interfaces", .array([])), ("pmem", .array([])),
    ]
}
