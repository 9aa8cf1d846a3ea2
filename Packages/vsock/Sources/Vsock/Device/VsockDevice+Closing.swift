// SPDX-License-Identifier: Apache-2.0

/// How connections end.
extension VsockDevice {
    /// The connection is over for the guest, which knows. What it sent before still goes to the host; then the host's
    /// socket is closed.
    func remove(_ connection: Connection) {
        guard !connection.isGone else { return }
        if gathered.connection === connection { sendGathered() }
        guard !connection.isGone else { return }
        connection.isGone = true
        connection.deadline = nil
        connections[connection.key] = nil
        dropOpenMessage(of: connection)
        if !connection.isHostBehind || connection.socket == nil {
            connection.socket = nil
        } else {
            lingering[ObjectIdentifier(connection)] = connection
        }
    }

    /// The connection is over, and the guest is told by an RST.
    func removeAndTell(_ connection: Connection) {
        guard !connection.isGone else { return }
        remove(connection)
        strays.append(header(of: reset(of: connection)))
    }

    /// The host has taken all that the guest sent, or takes nothing any more.
    func endLingering(_ connection: Connection) {
        connection.socket?.stopWatching()
        connection.socket = nil
        lingering[ObjectIdentifier(connection)] = nil
    }

    /// The guest was told that the host neither sends nor receives: nothing is left to do but to wait for its RST.
    func hostIsDone(_ connection: Connection) {
        connection.dropKept()
        connection.socket = nil
        setDeadline(of: connection, after: options.shutdownTimeout)
    }

    /// The guest has not answered the end of both directions in time.
    ///
    /// A guest that gets an RST may throw away what its program has not read yet. So it gets none before it has said
    /// that all was read; until then it is asked.
    func shutdownTimedOut(_ connection: Connection) {
        if connection.state.credit.isEverythingRead {
            removeAndTell(connection)
        } else {
            connection.state.askForCreditAgain()
            setDeadline(of: connection, after: options.shutdownTimeout)
            schedule(connection)
        }
    }
}
