// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import NestHypervisor
internal import NestModel
internal import NestProtocols
internal import NestResources
internal import VMMSysUtil

/// What a pod has on the host, as it comes to be, and as it goes.
///
/// The record is written before a thing is made or as soon as it is there, so that `delete` finds it whenever the shim dies.
final class HostParts: Sendable {
    private struct State {
        var record = PodRecord()
        var directory = ""
        var image: RootImage?
        var scratch: String?
        var cgroup: HostCgroup?
        var killCount: UInt64 = 0
        /// This process's `oom_score_adj` outside the cgroup.
        var oomScore: String?
        var machine: VirtualMachine?
    }

    private let log: ShimLog
    private let state = Monitor(State())

    init(log: ShimLog) { self.log = log }

    /// The VM, once it was started.
    var machine: VirtualMachine? { state.withLock { $0.machine } }

    /// Makes the pod's directory, and tells the bundle where it is.
    func begin(_ order: PodOrder, directory: String, _ configuration: NestConfiguration) throws(PodError) {
        do throws(Errno) {
            try Directory.make(directory, mode: 0o700)
            try Files.writeAtomically(directory + "\n", to: "\(order.bundle)/\(PodRecord.bundleFile)")
            state.update { state in
                state.directory = directory
                state.record.shim = HostProcess(id: getpid())
                state.record.socketPath = order.socketPath
                state.record.scratchPath = ScratchDisk.path(configuration, name: Self.scratchName(order))
                state.record.containers = [order.containerID]
            }
            try save()
        } catch { throw PodError(.configuration, "cannot keep the pod's record in \(directory): \(error)") }
    }

    private func save() throws(Errno) {
        let (record, directory) = state.withLock { ($0.record, $0.directory) }
        try record.save(in: directory)
    }

    /// - Returns: the root image's path.
    func makeImage(_ order: PodOrder, _ configuration: NestConfiguration) throws(PodError) -> String {
        let mounts = order.rootMounts.map {
            RootMount(type: $0.type, source: $0.source, target: $0.target, options: $0.options)
        }
        let log = self.log
        do throws(RootImageError) {
            let image = try RootImages(configuration).image(for: mounts, directory: order.rootDirectory) {
                log.info($0)
            }
            state.update { $0.image = image }
            return image.path
        } catch { throw PodError(.image, error.description) }
    }

    private static func scratchName(_ order: PodOrder) -> String { "\(order.sandboxID)-\(order.containerID)" }

    /// - Returns: the scratch disk's path.
    func makeScratch(_ order: PodOrder, _ configuration: NestConfiguration) throws(PodError) -> String {
        do throws(ScratchDiskError) {
            let path = try ScratchDisk.make(configuration, name: Self.scratchName(order))
            state.update { $0.scratch = path }
            return path
        } catch { throw PodError(.scratch, error.description) }
    }

    /// Moves this process into the container's cgroup, whose memory the VM and the shim then share.
    func joinCgroup(_ path: String, memoryMiB: Int) throws(PodError) {
        guard !path.isEmpty else { return }
        state.update { $0.record.cgroupPath = path }
        do throws(Errno) { try save() } catch { throw PodError(.cgroup, "cannot keep the pod's record: \(error)") }
        do throws(CgroupError) {
            let cgroup = try HostCgroup(path: path)
            let count = cgroup.oomKillCount
            state.update { state in
                state.cgroup = cgroup
                state.killCount = count
            }
            do throws(CgroupError) { try cgroup.setMemoryMaximum(bytes: UInt64(clamping: memoryMiB) << 20) } catch {
                guard case .noController = error else { throw error }
                log.info("\(error): the pod's memory has no limit on the host")
            }
            try cgroup.join(processID: getpid())
        } catch { throw PodError(.cgroup, error.description) }
        escapeOutOfMemory()
    }

    /// Who tells that the VMM was killed for want of memory must not go with it. A guest's memory is freed when its VMM has
    /// ended, not when it was struck, and until then the kernel would take the next process of the cgroup.
    private func escapeOutOfMemory() {
        guard let score = Files.text(Self.ownOOMScore) else { return }
        state.withLock { $0.oomScore = score }
        do throws(Errno) { try Files.overwrite(Self.ownOOMScore, with: "-1000") } catch {
            log.info("cannot keep the shim from being killed for want of memory: \(error)")
        }
    }

    private static let ownOOMScore = "/proc/self/oom_score_adj"

    func start(_ plan: VMPlan, _ configuration: NestConfiguration) throws(PodError) {
        let log = self.log
        let (cgroup, directory) = state.withLock { ($0.cgroup, $0.directory) }
        do throws(HypervisorError) {
            let machine = try VirtualMachine.boot(
                plan, configuration: configuration, stateDirectory: directory, readyPort: AgentPort.ready,
                cgroup: cgroup
            ) { line in
                log.write(line.hasPrefix("swiftlet") ? .vmm : .kernel, line)
            }
            state.update { state in
                state.machine = machine
                state.scratch = nil
                state.record.machine = HostProcess(id: machine.processID)
            }
            // The VMM has no such privilege.
            if let score = state.withLock({ $0.oomScore }) {
                try? Files.overwrite("/proc/\(machine.processID)/oom_score_adj", with: score)
            }
        } catch { throw PodError(.boot, error.description) }
        do throws(Errno) { try save() } catch { throw PodError(.boot, "cannot keep the pod's record: \(error)") }
    }

    /// Whether the host's kernel has killed in the cgroup since the pod was made.
    var wasKilledForMemory: Bool {
        let (cgroup, count) = state.withLock { ($0.cgroup, $0.killCount) }
        return (cgroup?.oomKillCount ?? 0) > count
    }

    /// Removes everything, in the opposite order; harmless when it is gone.
    func release() {
        let parts = state.update { state in
            let parts = state
            state = State()
            return parts
        }
        parts.machine?.release()
        if let scratch = parts.scratch { unlink(scratch) }
        parts.image?.release()
        do throws(CgroupError) { try parts.cgroup?.remove() } catch { log.info("\(error)") }
        if let score = parts.oomScore { try? Files.overwrite(Self.ownOOMScore, with: score) }
        guard !parts.directory.isEmpty else { return }
        Files.unmountAll(below: parts.directory)
        Directory.removeTree(parts.directory)
    }
}
