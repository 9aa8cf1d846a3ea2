// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import NestHypervisor
internal import NestModel
internal import NestResources
internal import VMMSysUtil

/// Makes pods on this host: root image, scratch disk, cgroup, and a VMM in its jail.
struct HostBackend: PodBackend {
    let log: ShimLog

    /// The guest kernel's command line. The VMM describes its devices in ACPI, so nothing here names them. The kernel's
    /// tests of its own ciphers are left out: they were a quarter of a boot. A locked down kernel does not set up the tracing
    /// that nobody may use in it, which was a seventh of the rest.
    static let commandLine =
        "console=ttyS0 quiet panic=-1 reboot=panic_warm pci=off 8250.nr_uarts=1 cryptomgr.notests "
        + "lockdown=confidentiality nest.agent agent.log=info"

    /// A pod's directory, with the default configuration.
    static func usualDirectory(_ sandboxID: String) -> String { directory(sandboxID, NestConfiguration()) }

    private static func directory(_ sandboxID: String, _ configuration: NestConfiguration) -> String {
        "\(configuration.stateDirectory)/\(sandboxID)"
    }

    /// Ends all processes of a cgroup and removes it.
    static func removeCgroup(_ path: String) {
        guard !path.isEmpty, let cgroup = try? HostCgroup(path: path) else { return }
        for file in cgroup.memberFiles {
            let processes = (Files.text(file) ?? "").split(separator: "\n").compactMap { Int32($0) }
            for process in processes where process > 1 && process != getpid() { kill(process, SIGKILL) }
        }
        try? cgroup.remove()
    }

    func boot(
        _ order: PodOrder, clock: StepClock, isCancelled: @Sendable () -> Bool
    ) throws(PodError) -> any PodMachine {
        let parts = HostParts(log: log)
        do throws(PodError) {
            return try make(order, parts, clock: clock, isCancelled: isCancelled)
        } catch {
            parts.release()
            throw error
        }
    }

    private func make(
        _ order: PodOrder, _ parts: HostParts, clock: StepClock, isCancelled: @Sendable () -> Bool
    ) throws(PodError) -> any PodMachine {
        func goOn(_ step: PodStep) throws(PodError) {
            if isCancelled() { throw PodError(step, "given up by the client") }
        }
        let configuration = try clock.run(.configuration) { () throws(PodError) in
            do throws(ConfigurationError) { return try NestConfiguration.load(path: order.configurationPath) } catch {
                throw PodError(.configuration, error.description)
            }
        }
        let size = VMSize(
            limits: order.limits, defaultMemoryMiB: configuration.defaultMemoryMiB,
            overheadMiB: configuration.overheadMiB)
        try parts.begin(order, directory: Self.directory(order.sandboxID, configuration), configuration)
        let image = try clock.run(.image) { () throws(PodError) in try parts.makeImage(order, configuration) }
        try goOn(.image)
        let scratch = try clock.run(.scratch) { () throws(PodError) in try parts.makeScratch(order, configuration) }
        try goOn(.scratch)
        try clock.run(.cgroup) { () throws(PodError) in
            try parts.joinCgroup(order.cgroupPath, memoryMiB: size.hostMiB(overheadMiB: configuration.hostOverheadMiB))
        }
        try goOn(.cgroup)
        let plan = VMPlan(
            sandboxID: order.sandboxID, vcpuCount: size.vcpuCount, memoryMiB: size.memoryMiB,
            commandLine: ([Self.commandLine] + (configuration.isConfined ? [] : ["agent.seccomp=off"])
                + [configuration.kernelParameters]).filter { !$0.isEmpty }.joined(separator: " "),
            drives: [
                VMDrive(id: "image0", path: image, isReadOnly: true),
                VMDrive(id: "scratch0", path: scratch, isReadOnly: false, unlinkOnceOpen: true),
            ])
        try clock.run(.boot) { () throws(PodError) in try parts.start(plan, configuration) }
        return try HostMachine(parts, size: size)
    }
}
