// SPDX-License-Identifier: Apache-2.0
internal import VMMSysUtil
internal import VirtioModel

/// How connections begin.
extension VsockDevice {
    private static let acceptsPerTurn = 64
    /// How many programs may be about to say where they want to go.
    private static let lineLimit = 128
    /// How soon a host whose backlog is full is asked again, and a process without free descriptors.
    private static let retryDelay: Duration = .milliseconds(10)

    private var isFull: Bool { connectionCount >= options.connectionLimit }

    // MARK: The guest opens

    /// A REQUEST of the guest for a pair of ports that is free.
    func open(_ request: VsockHeader) {
        // An RST of the pair's last connection that the guest has not taken would end the new one.
        if !strays.isEmpty { strays.removeAll(where: { $0.answers(request) }) }
        guard !isFull else {
            counters.refused &+= 1
            strays.append(request.resetAnswer)
            return
        }
        let state = ConnectionState(guestOpensWith: request, buffer: budget.share)
        let connection = Connection(request.key, state, socket: nil, budget: budget)
        connection.giveUpTime = clock.time(after: options.requestTimeout)
        connections[connection.key] = connection
        dial(connection)
        schedule(connection)
    }

    /// Opens the host's end, now or a little later.
    func dial(_ connection: Connection) {
        do throws(Errno) {
            let socket = HostSocket(
                try backend.connect(toPort: connection.key.hostPort, type: connection.state.type))
            try prepare(socket, connection)
            connection.socket = socket
            connection.state.accept()
            counters.opened &+= 1
        } catch {
            // The backlog of the host's program is full.
            if error == .wouldBlock { waitForBacklog(connection) } else { refuse(connection) }
        }
    }

    /// Makes a socket ready that carries messages. The guest, which has heard of nothing yet, is promised no longer ones
    /// than it takes: so its program hears at once of one that is too long.
    private func prepare(_ socket: HostSocket, _ connection: Connection) throws(Errno) {
        guard connection.messages != nil else { return }
        let limit = try MessageSocket.prepare(
            socket.descriptor, messageByteCount: connection.state.credit.bufferByteCount)
        connection.state.credit.limitBuffer(to: limit)
    }

    /// The host's end is asked for again a little later, if the guest has not waited long enough.
    private func waitForBacklog(_ connection: Connection) {
        guard clock.now < connection.giveUpTime else { return refuse(connection) }
        guard redialTime == nil else { return }
        let time = clock.time(after: Self.retryDelay)
        redialTime = time
        arm(time)
    }

    /// Asks again for all that wait for a full backlog, whoever waits longest first.
    func redial() {
        redialTime = nil
        // Of those that wait for the same one, one asks. The others would be told the same, by some calls each.
        var busyPorts: Set<UInt32> = []
        let waiting = connections.values.filter { $0.state.phase == .dialing }
        for connection in waiting.sorted(by: { $0.giveUpTime < $1.giveUpTime }) {
            if busyPorts.contains(connection.key.hostPort) {
                waitForBacklog(connection)
                continue
            }
            dial(connection)
            if connection.state.phase == .dialing { busyPorts.insert(connection.key.hostPort) }
            schedule(connection)
        }
    }

    private func refuse(_ connection: Connection) {
        counters.refused &+= 1
        removeAndTell(connection)
    }

    // MARK: The host opens

    /// Watches for programs, if the device runs.
    func resumeListening() {
        guard active != nil, !isPaused, listenerSources.isEmpty, let host else { return }
        listenerPauseEnd = nil
        var isRefused = false
        for type in [VsockSocketType.stream, .sequencedPacket] {
            backend.withListener(type) { listener in
                do throws(Errno) {
                    listenerSources.append(
                        try host.events.watch(listener, for: .read) { [weak self] _ in self?.acceptAll(type) })
                } catch {
                    isRefused = true
                }
            }
        }
        if isRefused { pauseListening() }
    }

    /// Stops watching for a moment: a listener that nothing can be taken from would be readable for ever.
    private func pauseListening() {
        stopListening()
        let end = clock.time(after: Self.retryDelay)
        listenerPauseEnd = end
        arm(end)
    }

    /// Programs that come wait in the backlog until `resumeListening`.
    func stopListening() {
        for source in listenerSources { source.remove() }
        listenerSources.removeAll()
        listenerPauseEnd = nil
    }

    private func acceptAll(_ type: VsockSocketType) {
        for _ in 0..<Self.acceptsPerTurn {
            do throws(Errno) {
                let socket = HostSocket(try backend.accept(type))
                makeRoomForLine()
                // Closed at once: a program that waits in the backlog could not be told.
                guard !isFull else {
                    counters.refused &+= 1
                    StreamSocket.discard(from: socket.descriptor)
                    continue
                }
                admit(socket, type)
            } catch {
                // Whoever was in the queue and is gone again is no reason to stop.
                if error == .connectionAborted { continue }
                if error != .wouldBlock { pauseListening() }
                break
            }
        }
        serveUnasked()
    }

    /// Programs that say nothing must not keep those out that do: whoever has been silent longest goes.
    private func makeRoomForLine() {
        guard isFull || clients.count >= Self.lineLimit,
            let oldest = clients.min(by: { $0.value.deadline < $1.value.deadline })?.value
        else { return }
        counters.refused &+= 1
        oldest.socket.stopWatching()
        clients[ObjectIdentifier(oldest)] = nil
    }

    private func admit(_ socket: HostSocket, _ type: VsockSocketType) {
        guard let host else { return }
        let deadline = clock.time(after: options.lineTimeout)
        let client = LineClient(socket, type, deadline: deadline)
        // Most have said everything by now.
        if readLine(client) { return }
        do throws(Errno) {
            try socket.watch(for: .read, in: host.events) { [weak self, weak client] _ in
                guard let self, let client else { return }
                if self.readLine(client) { self.clients[ObjectIdentifier(client)] = nil }
                self.serveUnasked()
            }
        } catch {
            return
        }
        clients[ObjectIdentifier(client)] = client
        arm(deadline)
    }

    /// Goes on with a client as far as it has come.
    /// - Returns: whether it is dealt with, one way or the other.
    private func readLine(_ client: LineClient) -> Bool {
        let progress = client.read()
        if progress == .incomplete { return false }
        client.socket.stopWatching()
        if case .complete(let port) = progress, request(port, for: client) { return true }
        StreamSocket.discard(from: client.socket.descriptor)
        counters.refused &+= 1
        return true
    }

    /// - Returns: false if there can be no such connection.
    private func request(_ guestPort: UInt32, for client: LineClient) -> Bool {
        // 5.10.3: a driver takes no packets of a type that it did not accept, and may not even answer.
        guard active?.features.allows(client.type) == true else {
            StreamSocket.sendNow(ConnectLine.refusal(client.type), to: client.socket.descriptor)
            return false
        }
        let isBusy = { (port: UInt32) in
            self.connections[ConnectionKey(hostPort: port, guestPort: guestPort)] != nil
        }
        guard let hostPort = hostPorts.next(attempts: connections.count + 1, isBusy: isBusy) else { return false }
        let state = ConnectionState(hostOpensWithBuffer: budget.share, type: client.type)
        let connection = Connection(
            ConnectionKey(hostPort: hostPort, guestPort: guestPort), state, socket: client.socket, budget: budget)
        do throws(Errno) { try prepare(client.socket, connection) } catch { return false }
        connections[connection.key] = connection
        setDeadline(of: connection, after: options.requestTimeout)
        schedule(connection)
        return true
    }

    /// RESPONSE came: the program learns the number of its end.
    func guestAccepted(_ connection: Connection) {
        connection.deadline = nil
        counters.opened &+= 1
        if let socket = connection.socket {
            StreamSocket.sendNow(ConnectLine.answer(port: connection.key.hostPort), to: socket.descriptor)
        }
    }

    /// The guest has not answered a REQUEST: the program's stream ends without a word.
    func requestTimedOut(_ connection: Connection) {
        counters.refused &+= 1
        // Of a REQUEST that it never took there is nothing to tell, and a list of that would grow without it.
        if connection.state.hasRequested { removeAndTell(connection) } else { remove(connection) }
    }
}
