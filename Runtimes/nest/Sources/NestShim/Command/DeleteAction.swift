// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import NestHypervisor
internal import NestModel
internal import NestProtocols
internal import SwiftProtobuf
internal import TTRPC
internal import VMMSysUtil

/// `delete`: cleans up after one container.
///
/// containerd runs it after every delete, not only when a shim died: what a living pod has is touched through its shim or
/// not at all. Every step has its bound, as containerd waits five seconds.
struct DeleteAction {
    let arguments: ShimArguments
    let bundle: String

    /// - Returns: the serialized answer, for standard output.
    func run() throws(DeleteError) -> [UInt8] {
        guard ContainerName.isValid(arguments.id) else { throw .badID(arguments.id) }
        let directory = podDirectory()
        let record = PodRecord(directory: directory)
        let answer = askShim()
        if let record, record.shim?.isAlive != true {
            Self.cleanUp(record, directory: directory)
        } else if let record, answer == .silent, record.containers == [arguments.id] {
            // It hangs, and nobody else is in there.
            record.shim?.kill()
            Self.cleanUp(record, directory: directory)
        }
        if answer == .absent { removeSocket() }
        Files.unmountAll(below: Files.join(bundle, "rootfs"))

        let now = WallClock.now()
        var response = TaskDeleteResponse()
        response.pid = UInt32(clamping: record?.machine?.id ?? 0)
        response.exitStatus = 128 + UInt32(SIGKILL)
        response.exitedAt.seconds = now.seconds
        response.exitedAt.nanos = now.nanoseconds
        do throws(TTRPCStatus) { return try encode(response) } catch { throw .encode(error.message) }
    }

    /// Where the pod's record is: the bundle says; the usual place if it does not.
    private func podDirectory() -> String {
        if let path = Files.text("\(bundle)/\(PodRecord.bundleFile)"), path.hasPrefix("/") { return path }
        let group = PodAddress.group(ofBundle: bundle, id: arguments.id)
        return HostBackend.usualDirectory(PodAddress.sandboxID(namespace: arguments.namespace, group: group))
    }

    private enum Answer {
        /// Nobody listens.
        case absent
        /// Somebody listens and does not answer.
        case silent
        /// The shim has seen to it.
        case done
    }

    private var socketPath: String? {
        guard let text = Files.text("\(bundle)/address"), text.hasPrefix("unix://") else { return nil }
        let path = String(text.dropFirst(7))
        return path.hasPrefix("/") ? path : nil
    }

    /// Asks a shim that lives to let the container go.
    private func askShim() -> Answer {
        guard let path = socketPath, let connection = try? UnixSocket.connect(path) else { return .absent }
        let client = TTRPCClient(connection)
        defer { client.close() }
        var kill = TaskKillRequest()
        kill.id = arguments.id
        kill.signal = UInt32(SIGKILL)
        kill.all = true
        var delete = TaskDeleteRequest()
        delete.id = arguments.id
        var wait = TaskWaitRequest()
        wait.id = arguments.id
        var shutdown = TaskShutdownRequest()
        shutdown.id = arguments.id
        let steps: [(String, any Message, Duration)] = [
            ("Kill", kill, .milliseconds(1000)), ("Wait", wait, .milliseconds(1000)),
            ("Delete", delete, .milliseconds(1500)), ("Shutdown", shutdown, .milliseconds(500)),
        ]
        for (method, message, timeout) in steps {
            do throws(TTRPCStatus) {
                _ = try client.call(ServiceName.taskV2, method, try encode(message), timeout: timeout)
            } catch {
                switch error.code {
                case .deadlineExceeded: return .silent
                // It ended between two calls.
                case .unavailable: return .absent
                default: continue
                }
            }
        }
        return .done
    }

    /// Removes what a pod without its shim has on the host: processes first, then what they held.
    static func cleanUp(_ record: PodRecord, directory: String) {
        record.machine?.kill()
        HostBackend.removeCgroup(record.cgroupPath)
        for _ in 0..<100 where record.machine?.isAlive == true { Thread.sleep(for: .milliseconds(10)) }
        if record.scratchPath.hasPrefix("/") { unlink(record.scratchPath) }
        Files.unmountAll(below: directory)
        Directory.removeTree(directory)
        VirtualMachine.removeAbandonedUsers(stateDirectory: Files.split(directory).directory)
        if record.socketPath.hasPrefix("/") { unlink(record.socketPath) }
    }

    /// The socket that a dead shim left, unless somebody listens there by now.
    private func removeSocket() {
        guard let path = socketPath, (try? UnixSocket.connect(path)) == nil else { return }
        unlink(path)
    }
}

/// Why nothing could be cleaned up.
enum DeleteError: Error, Equatable, CustomStringConvertible {
    /// No name for a container.
    case badID(String)
    /// The answer.
    case encode(String)

    /// One line.
    var description: String {
        switch self {
        case .badID(let id): "\"\(id)\" is no name for a container"
        case .encode(let reason): reason
        }
    }
}
