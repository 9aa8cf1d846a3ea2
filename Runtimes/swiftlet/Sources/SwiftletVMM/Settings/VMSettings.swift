// SPDX-License-Identifier: Apache-2.0

/// Everything that the interface can say about a machine before it starts. It lives on the thread that will run it.
public final class VMSettings {
    private(set) var bootSource = BootSource()
    private(set) var machine = MachineSettings()
    /// Whether the guest's drivers may choose packed rings. The interface has no word for it, so `GET /vm/config` is silent.
    public var offersPackedRings = false
    let devices: DeviceTable

    /// No kernel, no devices.
    /// - Parameter notice: told, in a line, what a device must do without on this host, and why one waits for the guest to
    ///   reset it. On any thread, a few times for each device.
    public init(notice: @escaping @Sendable (String) -> Void = { _ in }) { devices = DeviceTable(notice: notice) }

    /// `PUT /boot-source`.
    func put(_ source: BootSource) throws(ConfigError) {
        try source.check()
        bootSource = source
    }

    /// `PUT /machine-config`.
    func put(_ settings: MachineSettings) throws(ConfigError) {
        try settings.check()
        machine = settings
    }

    /// `PATCH /machine-config`.
    func patch(_ change: MachineSettingsChange) throws(ConfigError) { try put(machine.applying(change)) }

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
        config.hasKeyboard = true
        config.offersPackedRings = offersPackedRings
        return config
    }

    /// Sections of the configuration file that are defined and not served yet, and what they are when unused.
    static let notYet: [(name: String, unused: JSONValue)] = [
        ("balloon", .null), ("cpu-config", .null), ("logger", .null), ("memory-hotplug", .null), ("metrics", .null),
        ("mmds-config", .null), ("network-interfaces", .array([])), ("pmem", .array([])),
    ]
}
