// SPDX-License-Identifier: Apache-2.0
internal import Glibc
public import NestModel
public import NestResources
internal import Synchronization
internal import VMMSysUtil

/// A running VMM in its jail. All of it may be called from any thread.
public final class VirtualMachine: Sendable {
    /// The VMM's process on the host. It is there until `wait` has answered.
    public let processID: Int32
    /// The user and group that it runs as.
    public let userID: UInt32

    private let process: VMMProcess
    private let sockets: SocketDirectory
    private let signal: GuestSignal
    private let root: String

    /// Starts a VMM and waits until it answers; the guest then boots.
    ///
    /// - Parameters:
    ///   - plan: what it runs.
    ///   - stateDirectory: the pod's own directory, not shared with other pods.
    ///   - readyPort: the port of the host to which the guest connects when it answers.
    ///   - cgroup: which it joins before it runs.
    ///   - console: told each line of guest kernel and VMM, from a thread of its own; lines are cut and their rate bounded.
    /// - Throws: with the last lines of the console if the VMM does not come up; then nothing of it is left.
    public static func boot(
        _ plan: VMPlan, configuration: NestConfiguration, stateDirectory: String, readyPort: UInt32,
        cgroup: HostCgroup?, console: @escaping @Sendable (String) -> Void
    ) throws(HypervisorError) -> VirtualMachine {
        let vmm = try VMMConfiguration(plan, configuration)
        let user = try UserID.allocate(configuration)
        let userID = user.number
        try lend(vmm.files, to: userID)
        let root = stateDirectory + "/root"
        guard mkdir(root, 0o700) == 0 || Glibc.errno == EEXIST else {
            throw .file(operation: "make", path: root, .last)
        }
        let reader = ConsoleReader(console)
        do throws(HypervisorError) {
            let jail = try makeJail(plan, vmm, configuration, userID: userID, root: root, cgroup, reader)
            let process = try VMMProcess.start(jail, user: user)
            do throws(HypervisorError) {
                let machine = try VirtualMachine(process, userID: userID, root: root, readyPort: readyPort, reader)
                try machine.waitUntilUp(seconds: configuration.bootSeconds, reader)
                for drive in plan.drives where drive.unlinkOnceOpen { unlink(drive.path) }
                return machine
            } catch {
                process.kill()
                _ = process.wait()
                throw error
            }
        } catch {
            rmdir(root)
            throw error
        }
    }

    private init(
        _ process: VMMProcess, userID: UInt32, root: String, readyPort: UInt32, _ reader: ConsoleReader
    ) throws(HypervisorError) {
        processID = process.processID
        self.userID = userID
        self.process = process
        self.root = root
        do throws(Errno) {
            sockets = try SocketDirectory(processID: process.processID, user: userID)
            signal = try GuestSignal(in: sockets, port: readyPort)
        } catch {
            // A process that has ended has no root.
            Thread.sleep(for: .milliseconds(20))
            if let end = process.end { throw .ended(end, lines: reader.lastLines) }
            throw .file(operation: "open", path: "/proc/\(process.processID)/root/run", error)
        }
    }

    deinit { release() }

    /// Connects to a port of the guest; tries again while nobody listens there, until the time is over or the VM ends.
    public func connect(port: UInt32, timeout: Duration) throws(HypervisorError) -> StreamConnection {
        let deadline = Deadline(after: timeout)
        var milliseconds = 2
        while true {
            if let end = process.end { throw .ended(end, lines: []) }
            if let stream = try sockets.connect(VMMConfiguration.socketName, port: port),
                let hostPort = try ConnectExchange.run(stream, port: port, deadline: deadline)
            {
                do throws(Errno) { try stream.setNonBlocking(false) } catch { throw .connection(port: port, error) }
                return StreamConnection(descriptor: stream, hostPort: hostPort)
            }
            guard !deadline.hasPassed else { throw .notListening(port: port) }
            Thread.sleep(for: .milliseconds(milliseconds))
            milliseconds = min(20, milliseconds * 2)
        }
    }

    /// Waits until the guest has told that it answers, by `readyPort`, or the time is over.
    public func waitForGuest(timeout: Duration) { signal.wait(timeout: timeout) }

    /// Waits until the VMM has ended.
    public func wait() -> VMEnd { process.wait() }

    /// How it ended; nil while it runs.
    public var end: VMEnd? { process.end }

    /// Ends it at once. Harmless when it has ended.
    public func kill() { process.kill() }

    /// Ends it and removes what it had on the host.
    public func release() {
        process.kill()
        _ = process.wait()
        rmdir(root)
    }

    private func waitUntilUp(seconds: Int, _ reader: ConsoleReader) throws(HypervisorError) {
        let deadline = Deadline(after: .seconds(seconds))
        while try sockets.connect(VMMConfiguration.socketName, port: 0) == nil {
            if let end = process.end {
                // Its last words may still be in the pipe.
                Thread.sleep(for: .milliseconds(20))
                throw .ended(end, lines: reader.lastLines)
            }
            guard !deadline.hasPassed else { throw .noAnswer(seconds: seconds, lines: reader.lastLines) }
            Thread.sleep(for: .milliseconds(1))
        }
    }

    private static func makeJail(
        _ plan: VMPlan, _ vmm: VMMConfiguration, _ configuration: NestConfiguration, userID: UInt32, root: String,
        _ cgroup: HostCgroup?, _ reader: ConsoleReader
    ) throws(HypervisorError) -> Jail {
        let program: FileDescriptor
        do throws(Errno) { program = try FileDescriptor.open(configuration.swiftlet) } catch {
            throw .file(operation: "open", path: configuration.swiftlet, error)
        }
        do throws(Errno) {
            // Ends are duplicated, because of a pipe none can be taken out alone here; the pipe closes its own.
            let output = try Pipe()
            let error = try Pipe()
            try reader.start(output: try output.readEnd.duplicate(), error: try error.readEnd.duplicate())
            return Jail(
                root: root, user: userID, files: vmm.files, config: vmm.json,
                cgroupFiles: cgroup?.memberFiles ?? [], program: program, programPath: configuration.swiftlet,
                arguments: vmm.arguments, output: try output.writeEnd.duplicate(),
                error: try error.writeEnd.duplicate(), input: try FileDescriptor.open("/dev/null"),
                // The largest file that it may write: a scratch disk, or guest memory, which is a file too.
                fileBytes: max(configuration.scratchBytes, UInt64(clamping: plan.memoryMiB) << 20) + 1 << 20,
                threads: UInt32(clamping: plan.vcpuCount) + 32)
        } catch {
            throw .file(operation: "make pipes for", path: configuration.swiftlet, error)
        }
    }

    /// Lets the VMM's user open what it needs: it owns what it may write, and must be able to read the rest.
    private static func lend(_ files: [VMMConfiguration.File], to user: UInt32) throws(HypervisorError) {
        for file in files {
            var status = stat()
            guard stat(file.source, &status) == 0 else { throw .file(operation: "open", path: file.source, .last) }
            guard status.st_mode & S_IFMT == S_IFREG else { throw .badPlan("\(file.source) is not a regular file") }
            if file.isWritable {
                guard chown(file.source, user, user) == 0 else {
                    throw .file(operation: "change the owner of", path: file.source, .last)
                }
            } else if status.st_mode & 0o004 == 0 {
                throw .unreadable(path: file.source)
            }
        }
    }
}
