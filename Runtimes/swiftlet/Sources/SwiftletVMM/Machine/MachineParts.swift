// SPDX-License-Identifier: Apache-2.0
internal import ACPITables
internal import EventManager
internal import KVMIoctls
internal import LinuxLoader
internal import VMMSysUtil
internal import VMMemory
internal import VMSuperIO
internal import VirtioDevices
internal import VirtioModel

/// Everything a machine consists of, in the order in which it is made.
struct MachineParts {
    let stop: StopSignal
    let loop: EventLoop
    let memory: GuestMemory
    let vm: VirtualMachine
    let windows: VirtioWindows
    let console: SerialConsole
    let line: SerialLine
    let keyboard: I8042?
    let session: CommandSession?
    let vcpus: [VCPUThread]

    init(
        _ config: MachineConfig, _ table: DeviceTable, console streams: consuming ConsoleStreams,
        command: consuming CommandStreams?
    ) throws(MachineError) {
        try config.validate()
        // The user's files first: what is wrong with them is told before anything costs time.
        let boot = try KernelBoot(config)
        stop = try StopSignal()
        do { loop = try EventLoop() } catch { throw .device("\(error)") }
        var devices = try Self.devices(table)
        if let command { session = try CommandSession(command, stop: stop) } else { session = nil }
        if let console = session?.device { devices.append(NamedDevice(name: "console", device: console)) }

        let map = try Self.memoryMap(config)
        do throws(GuestMemoryError) {
            memory = try Self.guestMemory(map)
        } catch {
            throw .memory(error)
        }
        let system: System
        do throws(KVMError) {
            system = try System()
            vm = try Self.virtualMachine(system, memory)
        } catch {
            throw .kvm(error)
        }
        windows = VirtioWindows(
            vm: vm, memory: memory, loop: loop, offersPackedRings: config.offersPackedRings)
        for device in devices { try windows.attach(device, notice: table.notice) }

        console = try SerialConsole(stop: stop, hasOutput: streams.hasOutput)
        let serial = Serial(
            interrupt: try IRQLine(Layout.serialInterrupt, vm: vm), host: console, inputPolicy: .whenInterruptEnabled)
        line = SerialLine(
            serial: serial, console: console, stop: stop, input: streams.input.take(), output: streams.output.take())
        do throws(Errno) {
            try line.attach(to: DeviceEvents(loop))
            try session?.attach(to: DeviceEvents(loop))
        } catch { throw .host("watch the console", error) }

        let tables = try FirmwareTables.image(
            cpuCount: config.cpuCount, hasKeyboard: config.hasKeyboard, windows: windows.windows)
        let entry = try boot.load(into: memory, map: map, rsdp: tables.rsdpAddress)
        let memory = memory
        do throws(GuestMemoryError) {
            try tables.bytes.span.withUnsafeBytes { (bytes) throws(GuestMemoryError) in
                try memory.write(at: GuestAddress(tables.address), from: bytes)
            }
        } catch {
            throw .memory(error)
        }
        let power = PowerControl(stop: stop, memory: memory)
        keyboard =
            config.hasKeyboard
            ? I8042(interrupt: try IRQLine(Layout.keyboardInterrupt, vm: vm), reset: power) : nil
        let bus = Bus(serial: serial, power: power, keyboard: keyboard, transports: windows.transports)
        vcpus = try Self.vcpus(system, vm, config, entry: entry, bus: bus, stop: stop)
    }

    private static func devices(_ table: DeviceTable) throws(MachineError) -> [NamedDevice] {
        do throws(ConfigError) { return try table.devices() } catch { throw MachineError(error) }
    }

    private static func memoryMap(_ config: MachineConfig) throws(MachineError) -> MemoryMap {
        do throws(BootPlanError) {
            return try MemoryMap.pc(ramByteCount: config.memoryBytes)
        } catch {
            throw .boot("the memory map: \(error)")
        }
    }

    /// Memory in huge pages where the host has them: in small ones, a kernel of 53 MB costs 13,000 faults of the host's
    /// to load, and the guest as many more when it first touches what it got.
    private static func guestMemory(_ map: MemoryMap) throws(GuestMemoryError) -> GuestMemory {
        do throws(GuestMemoryError) {
            return try GuestMemory.anonymous(map.ramRanges, options: MappingOptions(pages: .transparentHuge))
        } catch .system(.advise, _, byteCount: _, completed: _, .invalidArgument) {
            // The host's kernel was built without them.
            return try GuestMemory.anonymous(map.ramRanges)
        }
    }

    /// The slots come before the interrupt controllers: the other way round the kernel waits for a grace period at each.
    private static func virtualMachine(
        _ system: System, _ memory: GuestMemory
    ) throws(KVMError) -> VirtualMachine {
        let vm = try system.createVirtualMachine()
        for (slot, region) in memory.regions.enumerated() {
            try vm.setMemoryRegion(
                slot: UInt32(slot), guestAddress: region.range.start.rawValue, byteCount: region.range.byteCount,
                hostAddress: region.hostAddress)
        }
        try vm.setTSSAddress(Layout.taskStateSegment)
        try vm.createInterruptControllers()
        try vm.createPIT()
        return vm
    }

    private static func vcpus(
        _ system: System, _ vm: VirtualMachine, _ config: MachineConfig, entry: EntryPoint, bus: Bus, stop: StopSignal
    ) throws(MachineError) -> [VCPUThread] {
        var threads: [VCPUThread] = []
        do throws(KVMError) {
            let cpuid = try system.supportedCPUID()
            for id in 0..<UInt32(config.cpuCount) {
                let vcpu = try vm.createVCPU(id: id)
                do throws(MachineError) {
                    try VCPUSetup.apply(
                        to: vcpu, cpuid: cpuid, count: config.cpuCount, entry: id == 0 ? entry : nil)
                } catch .kvm(let error) {
                    throw error
                } catch {
                    throw KVMError.invalidArgument("KVM_CREATE_VCPU", reason: "\(error)")
                }
                threads.append(VCPUThread(vcpu: vcpu, bus: bus, stop: stop))
            }
        } catch {
            throw .kvm(error)
        }
        return threads
    }
}
