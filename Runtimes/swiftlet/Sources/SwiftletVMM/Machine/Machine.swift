// SPDX-License-Identifier: Apache-2.0
internal import SeccompilerBPF
internal import EventManager
internal import KVMIoctls
internal import LinuxLoader
internal import Synchronization
internal import VMMSysUtil
internal import VMMemory
internal import VMSuperIO
internal import VirtioDevices

/// A virtual machine, made and ready to run once.
///
/// It lives on the thread that made it: that thread becomes the device thread in `run`, and each vCPU has one of its own.
public final class Machine {
    private let parts: MachineParts
    private let devices: DeviceTable
    private let signals: SignalFD
    private let gate: FilterGate
    private let running: Countdown

    /// Makes the machine: opens the files, maps the memory, loads the kernel, attaches the devices.
    ///
    /// - Parameters:
    ///   - config: what it is made of.
    ///   - console: where the serial port goes.
    ///   - command: the ports of a command, if one shall run.
    ///   - notice: told as that of `VMSettings`.
    public convenience init(
        _ config: MachineConfig, console: consuming ConsoleStreams, command: consuming CommandStreams?,
        notice: @escaping @Sendable (String) -> Void = { _ in }
    ) throws(MachineError) {
        let table = DeviceTable(notice: notice)
        do throws(ConfigError) {
            for (index, drive) in config.drives.enumerated() {
                try table.put(BlockKind.self, BlockConfig(drive, index: index))
            }
            try table.put(RngKind.self, EntropyConfig())
        } catch {
            throw MachineError(error)
        }
        try self.init(config, table, console: console, command: command)
    }

    /// Makes the machine that settings describe. Its devices are theirs, and so change with them.
    public convenience init(_ settings: VMSettings, console: consuming ConsoleStreams) throws(ConfigError) {
        let config = try settings.machineConfig()
        do throws(MachineError) { try self.init(config, settings.devices, console: console, command: nil) } catch {
            settings.devices.release()
            throw .start("\(error)")
        }
    }

    private init(
        _ config: MachineConfig, _ devices: DeviceTable, console: consuming ConsoleStreams,
        command: consuming CommandStreams?
    ) throws(MachineError) {
        let signals: SignalFD
        // Blocked before the first thread starts, so that all threads inherit it and only the loop takes them.
        do throws(Errno) { signals = try EndingSignals.open() } catch { throw .host("take over the signals", error) }
        do throws(Errno) { gate = try FilterGate() } catch { throw .host("eventfd", error) }
        parts = try MachineParts(config, devices, console: console, command: command)
        self.signals = signals
        self.devices = devices
        running = Countdown(parts.vcpus.count)
    }

    /// Runs the machine until it ends, on the calling thread.
    /// - Parameters:
    ///   - controller: whose commands are carried out meanwhile.
    ///   - sandbox: the filters that all its threads put on, the calling one too: it stays confined afterwards.
    public func run(serving controller: APIController? = nil, in sandbox: Sandbox? = nil) -> StopCause {
        do throws(MachineError) { try serve(controller, sandbox) } catch { parts.stop.stop(.failed(error)) }
        finish()
        return parts.stop.cause ?? .poweredOff
    }

    /// Presses Ctrl, Alt and Del on the guest's keyboard.
    /// - Returns: false if it has none, or nobody in the guest reads it.
    func sendCtrlAltDel() -> Bool { parts.keyboard?.pressControlAltDelete() ?? false }

    /// The last lines of the guest's serial console, for a report of what went wrong.
    public func lastConsoleLines(_ count: Int) -> [String] { parts.console.lastLines(count) }

    /// Starts the vCPUs and serves devices until the last vCPU has left the guest.
    private func serve(_ controller: APIController?, _ sandbox: Sandbox?) throws(MachineError) {
        let stop = parts.stop
        let mailbox = parts.loop.mailbox
        do throws(EventLoopError) {
            try parts.loop.add(signals.descriptor, for: .readable) { [unowned self] _, _, _ in
                if let arrival = try? self.signals.read() {
                    stop.stop(.interrupted(signal: arrival.signal.rawValue))
                }
            }
            let threads = parts.vcpus
            try parts.loop.add(stop.event.descriptor, for: .readable) { _, token, loop in
                try? loop.remove(token)
                for thread in threads { thread.kick() }
            }
            if let controller {
                try parts.loop.add(controller.queue.event.descriptor, for: .readable) { [unowned self] _, _, _ in
                    controller.serve(self)
                }
            }
        } catch {
            throw .device("\(error)")
        }
        var threads = ThreadList()
        do throws(MachineError) {
            for vcpu in parts.vcpus {
                threads.add(
                    try vcpu.start(in: sandbox, behind: gate) { [running] in
                        if running.subtract(1) == 0 { mailbox.stop() }
                    })
            }
            try confine(threads.count, sandbox, isChangeable: controller != nil)
            gate.open(true)
        } catch {
            // Those that did start must not enter the guest, whose memory goes.
            stop.stop(.failed(error))
            gate.open(false)
            let missing = parts.vcpus.count - threads.count
            if running.subtract(missing) == 0 { mailbox.stop() }
        }
        do throws(EventLoopError) { try parts.loop.run() } catch { stop.stop(.failed(.device("\(error)"))) }
        for vcpu in parts.vcpus { vcpu.kick() }
        threads.joinAll()
    }

    /// Puts this thread's filter on, once all vCPU threads have theirs: from now on a new thread would inherit it.
    private func confine(_ vcpuCount: Int, _ sandbox: Sandbox?, isChangeable: Bool) throws(MachineError) {
        do throws(SandboxError) {
            try gate.waitForArrivals(vcpuCount)
            guard let sandbox else { return }
            try sandbox.confine(.vmm, as: "vmm", adding: pieces(isChangeable: isChangeable))
        } catch {
            throw .sandbox(error)
        }
    }

    /// What this thread may do besides, for the devices that there are.
    /// - Parameter isChangeable: whether there is an API, by which they are changed.
    private func pieces(isChangeable: Bool) -> [FilterPiece] {
        var pieces = devices.slots.flatMap(\.filters)
        if parts.session != nil { pieces.append(.console) }
        if isChangeable { pieces += devices.slots.flatMap(\.changeFilters) + [.vmmAPI] }
        return pieces
    }

    /// Brings out what the guest left in its queues, then takes its memory from the devices.
    private func finish() {
        parts.windows.serveAll()
        // From here on the ending signals end the process as usual: a reader that does not read cannot hold it.
        _ = try? EndingSignals.set.unblock()
        if case .interrupted? = parts.stop.cause {} else { parts.line.flush() }
        parts.windows.shutDown()
    }
}

/// How many vCPUs are still in the guest.
private final class Countdown: Sendable {
    private let count: Atomic<Int>
    init(_ count: Int) { self.count = Atomic(count) }
    func subtract(_ number: Int) -> Int { count.wrappingSubtract(number, ordering: .acquiringAndReleasing).newValue }
}

/// Threads that are joined together; a noncopyable value cannot be kept in an array.
private struct ThreadList {
    private final class Box {
        private var thread: Thread?
        init(_ thread: consuming Thread) { self.thread = consume thread }
        func join() { if let thread = thread.take() { try? thread.join() } }
    }

    private var boxes: [Box] = []
    var count: Int { boxes.count }

    mutating func add(_ thread: consuming Thread) { boxes.append(Box(thread)) }
    func joinAll() { for box in boxes { box.join() } }
}
