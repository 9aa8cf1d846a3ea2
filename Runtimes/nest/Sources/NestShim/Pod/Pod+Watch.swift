// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import NestHypervisor
internal import NestModel
internal import NestProtocols
internal import TTRPC
internal import VMMSysUtil

// What runs beside the calls: a thread waits for each process, one for the VM, one for the guest's memory, one reads the
// agent's log. All of them end with the VM.
extension Pod {
    /// Waits for a process's end, tells it, and sees to what the last process of the pod leaves.
    func watch(_ process: TaskProcess, of container: TaskContainer) {
        let status = waitForEnd(process)
        process.streams?.processEnded()
        process.waitUntilEndable()
        if status == 137 { awaitOutOfMemory(container) }
        if process.isMain {
            // They ended with the main process; a client sees their ends before its.
            for exec in container.execs where [.starting, .running].contains(exec.phase) {
                _ = exec.waitForExit(timeout: .seconds(5))
            }
        }
        let now = WallClock.now()
        let exit = ProcessExit(status: status, seconds: now.seconds, nanoseconds: now.nanoseconds)
        // Clients of containerd stop reading when they hear of the end. What the process wrote before gets there first, unless
        // nobody reads or a child holds the stream open.
        process.streams?.waitForOutput(timeout: Self.outputPatience)
        let pid = processID
        process.change { life in
            if life.ended(exit) { events.publish(.exited(container.id, process.execID, pid: pid, exit)) }
        }
        log.debug("process \(process.guestID) ended with \(status)")
        guard process.isMain else { return }
        // As long as a reader takes it: only Delete gives up what is left.
        container.clock.run(.drain) {
            process.streams?.waitForOutput()
            for exec in container.execs { exec.streams?.waitForOutput() }
        }
        stopIfEmpty()
    }

    /// How long a reader may keep the end of a process from being told.
    private static let outputPatience: Duration = .seconds(1)

    private func waitForEnd(_ process: TaskProcess) -> UInt32 {
        guard let machine = state.withLock({ $0.machine }) else { return 255 }
        do throws(TTRPCStatus) {
            return try agent().wait(process.containerID, process.guestID)
        } catch {
            log.debug("the agent does not tell how \(process.guestID) ended: \(error)")
        }
        switch machineEnd(machine) {
        case .signalled, .outOfMemory: return 137
        case .exited, nil: return 255
        }
    }

    /// Waits for the VM's end. A kill by the host's kernel is told before the ends of the processes.
    func watch(_ machine: any PodMachine) {
        let end = machine.waitForEnd()
        log.debug("the VM ended: \(end)")
        let isCurrent = state.update { state in
            // A pod that failed to be made may have another machine by now.
            guard state.machine?.processID == machine.processID else { return false }
            if end == .outOfMemory {
                for container in state.containers.values where container.main.phase != .stopped {
                    if container.noteOutOfMemory() { events.publish(.outOfMemory(container.id)) }
                }
            }
            state.end = end
            return true
        }
        if isCurrent { state.withLock { $0.agent }?.close() }
    }

    /// A kill for want of memory is told before the end that it caused. The agent has both when it has the end, but they
    /// come as answers of two calls: this one gets a moment.
    private func awaitOutOfMemory(_ container: TaskContainer) {
        for _ in 0..<5 where !container.hasRunOutOfMemory { Thread.sleep(for: .milliseconds(10)) }
    }

    func watchMemory(_ agent: GuestAgent) {
        do throws(TTRPCStatus) {
            while true {
                let id = try agent.nextOutOfMemory()
                if state.withLock({ $0.containers[id] })?.noteOutOfMemory() == true {
                    events.publish(.outOfMemory(id))
                } else {
                    // A guest that has nothing new to tell, and tells it without end, costs the host next to nothing.
                    Thread.sleep(for: .milliseconds(20))
                }
            }
        } catch {
            log.debug("no more events of the guest's memory: \(error.message)")
        }
    }

    /// Carries the agent's log lines into containerd's log.
    func relayAgentLog(_ machine: any PodMachine) {
        do throws(PodError) {
            let connection = try machine.connect(port: AgentPort.log, timeout: .seconds(10))
            let number = connection.takeDescriptor().release()
            let log = self.log
            do throws(Errno) {
                // A thread that holds nothing of the machine: who lets go last cleans up, which this one may not.
                try startGuestThread("agent log") { Self.relay(FileDescriptor(owning: number), to: log) }
            } catch {
                close(number)
                throw PodError(.agent, "cannot start a thread: \(error)")
            }
        } catch {
            log.debug("no log of the agent: \(error.message)")
        }
    }

    static func relay(_ source: consuming FileDescriptor, to log: ShimLog) {
        var lines = LineSplitter(limit: 2048)
        var limiter = LineLimiter()
        func pass(_ line: String) { limiter.pass(line) { log.write(.agent, $0) } }
        var chunk = [UInt8](repeating: 0, count: 4096)
        let number = source.rawValue
        while true {
            let count = chunk.withUnsafeMutableBytes { bytes in
                (try? retryOnInterrupt { read(number, bytes.baseAddress, bytes.count) }) ?? 0
            }
            guard count > 0 else { break }
            for line in lines.push(chunk.prefix(count)) { pass(line) }
        }
        if let line = lines.finish() { pass(line) }
        limiter.reportDropped { log.write(.agent, $0) }
    }
}
