// SPDX-License-Identifier: Apache-2.0
internal import VMMSysUtil
internal import VirtioModel

/// One timer for everything that must not last for ever. It is set to the next deadline; when it fires, all are looked
/// at. So no list of deadlines can grow, and none is left behind by what is gone.
extension VsockDevice {
    /// Deadlines are rounded up to multiples of this, so that a storm of them is a few looks and not thousands.
    private static let grain: UInt64 = 8_000_000

    func startTimer(_ host: DeviceHost) throws(Errno) {
        let timer = try TimerFD()
        timerSource = try host.events.watch(timer.descriptor, for: .read) { [weak self] _ in self?.timeCame() }
        self.timer = consume timer
    }

    func setDeadline(of connection: Connection, after duration: Duration) {
        let deadline = clock.time(after: duration)
        connection.deadline = deadline
        arm(deadline)
    }

    /// Makes sure that the timer fires at that time or before.
    func arm(_ deadline: UInt64) {
        let rounded = (deadline / Self.grain &+ 1) &* Self.grain
        if isPaused { return }
        if let armedTime, armedTime <= rounded { return }
        armedTime = rounded
        // The arguments are right and the descriptor is ours, so there is no error to expect.
        try? timer?.set(at: clock.moment(of: rounded))
    }

    func disarm() {
        try? timer?.disarm()
        armedTime = nil
    }

    /// Deals with every deadline that is over and waits for the next.
    func timeCame() {
        _ = try? timer?.read()
        if isPaused { return }
        armedTime = nil
        let now = clock.now
        var next: UInt64?
        func isDue(_ deadline: UInt64?) -> Bool {
            guard let deadline else { return false }
            if deadline <= now { return true }
            next = min(next ?? deadline, deadline)
            return false
        }
        let dueConnections = connections.values.filter { isDue($0.deadline) }
        let dueClients = clients.values.filter { isDue($0.deadline) }
        let isRedialDue = isDue(redialTime)
        let isListenerDue = isDue(listenerPauseEnd)
        let isGateDue = isDue(gate.deadline)
        if let next { arm(next) }

        for connection in dueConnections { timedOut(connection) }
        if isRedialDue { redial() }
        for client in dueClients {
            client.socket.stopWatching()
            clients[ObjectIdentifier(client)] = nil
            counters.refused &+= 1
        }
        if isListenerDue { resumeListening() }
        if isGateDue { gateTimedOut() }
        serveUnasked()
    }

    private func timedOut(_ connection: Connection) {
        connection.deadline = nil
        switch connection.state.phase {
        // These wait for `redialTime`.
        case .dialing: break
        case .requested: requestTimedOut(connection)
        case .established: shutdownTimedOut(connection)
        }
    }
}
