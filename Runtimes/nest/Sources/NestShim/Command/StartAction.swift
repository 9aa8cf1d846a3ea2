// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import NestModel
internal import VMMSysUtil

/// `start`: finds the pod's shim or starts it, and answers with its address.
struct StartAction {
    let arguments: ShimArguments
    let bundle: String
    let standardInput: [UInt8]
    let environment: [String]

    /// - Returns: the address, for standard output.
    func run() throws(StartError) -> String {
        guard ContainerName.isValid(arguments.id) else { throw .badID(arguments.id) }
        let bootstrap = Bootstrap(standardInput, id: arguments.id, namespace: arguments.namespace)
        let grpcAddress =
            arguments.address.isEmpty
            ? bootstrap?.grpcAddress ?? variable("GRPC_ADDRESS") ?? "" : arguments.address
        let address = PodAddress(
            containerdAddress: grpcAddress, namespace: arguments.namespace,
            group: PodAddress.group(ofBundle: bundle, id: arguments.id), socketDirectory: bootstrap?.socketDirectory)
        let (directory, _) = Files.split(address.path)
        do throws(Errno) { try Directory.make(directory, mode: 0o700) } catch { throw .directory(directory, error) }

        let clock = StepClock(
            log: ShimLog(path: "\(bundle)/log", subject: arguments.id, isVerbose: arguments.isDebug),
            hold: .configured(container: arguments.id))
        guard
            let listener = try clock.run(.bind, { () throws(StartError) in try listen(address.path) })
        else {
            try writeAddress(address)
            return address.text
        }
        do throws(StartError) {
            try writeAddress(address)
            let server = try spawnServer(listener, address: address, bootstrap: bootstrap)
            adjustOOMScore(of: server)
        } catch {
            unlink(address.path)
            throw error
        }
        return address.text
    }

    /// - Returns: nil if the pod's shim is there and answers.
    private func listen(_ path: String) throws(StartError) -> FileDescriptor? {
        // Twice: what a dead shim left is removed, and then another `start` may have been faster.
        for attempt in 0..<2 {
            do throws(Errno) { return try UnixSocket.listen(path) } catch {
                guard error == .addressInUse else { throw .bind(path, error) }
            }
            if (try? UnixSocket.connect(path)) != nil { return nil }
            if attempt == 0 { unlink(path) }
        }
        throw .bind(path, .addressInUse)
    }

    private func writeAddress(_ address: PodAddress) throws(StartError) {
        do throws(Errno) { try Files.writeAtomically(address.text, to: "\(bundle)/address") } catch {
            throw .bundle("\(bundle)/address", error)
        }
    }

    private func spawnServer(
        _ listener: borrowing FileDescriptor, address: PodAddress, bootstrap: Bootstrap?
    ) throws(StartError) -> Int32 {
        let program = Spawn.ownProgram
        var words = ["-namespace", arguments.namespace, "-id", arguments.id, "-address", arguments.address]
        words += ["-bundle", bundle, "-socket", address.path]
        if arguments.isDebug || bootstrap?.debug == true { words.append("-debug") }
        var environment = self.environment
        if variable("TTRPC_ADDRESS") == nil, let ttrpc = bootstrap?.ttrpcAddress, !ttrpc.isEmpty {
            environment.append("TTRPC_ADDRESS=\(ttrpc)")
        }
        do throws(Errno) {
            // The server gets none of this process's descriptors 0 to 2: containerd reads until the last copy closes.
            let null = try FileDescriptor.open("/dev/null", .readWrite)
            return try Spawn.start(
                program, words, environment: environment,
                descriptors: [
                    (0, null.rawValue), (1, null.rawValue), (2, null.rawValue), (3, listener.rawValue),
                ], inNewSession: true)
        } catch { throw .spawn(error) }
    }

    /// One above containerd's own, so that containerd outlives its shims. Best effort: it needs a privilege to go down.
    private func adjustOOMScore(of process: Int32) {
        guard let text = Files.text("/proc/\(getppid())/oom_score_adj"), let score = Int(text) else { return }
        try? Files.overwrite("/proc/\(process)/oom_score_adj", with: "\(min(1000, score + 1))")
    }

    private func variable(_ name: String) -> String? {
        environment.first { $0.hasPrefix("\(name)=") }.map { String($0.dropFirst(name.utf8.count + 1)) }
    }
}

/// Why no shim could be started.
enum StartError: Error, Equatable, CustomStringConvertible {
    /// No name for a container.
    case badID(String)
    /// The directory of shims' sockets.
    case directory(String, Errno)
    /// The pod's socket.
    case bind(String, Errno)
    /// A file in the bundle.
    case bundle(String, Errno)
    /// The server itself.
    case spawn(Errno)

    /// One line; containerd shows it as the reason.
    var description: String {
        switch self {
        case .badID(let id): "\"\(id)\" is no name for a container"
        case .directory(let path, let errno): "cannot make the directory \(path): \(errno)"
        case .bind(let path, let errno): "cannot listen on \(path): \(errno)"
        case .bundle(let path, let errno): "cannot write \(path): \(errno)"
        case .spawn(let errno): "cannot start the shim's server: \(errno)"
        }
    }
}
