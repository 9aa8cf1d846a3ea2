// SPDX-License-Identifier: Apache-2.0
internal import VirtioQueueTestSupport
internal import Vsock

/// How a fuzzed sequence ends, and what must be true then.
extension SequenceArena {
    /// Everybody takes what there is until nothing moves any more.
    func settle() throws {
        guest.refills = true
        guest.answers = true
        guest.rings = true
        guest.layout = .headerThenPayload
        backend.answer = { _ in .accept }
        try guest.catchUp()
        for index in 0..<3 as Range<UInt16> { try guest.restartQueue(index) }
        try guest.refill(16)
        guest.notify(0)
        guest.notify(1)
        // Each round but the last moves a byte, or opens or ends something.
        var before: [Int] = [-1]
        while true {
            try runAll()
            for program in programs { receive(program, 1 << 16) }
            for socket in sockets {
                try read(socket, 1 << 16)
                try socket.sendRest(guest)
            }
            let now = programs.map(\.progress) + sockets.map(\.progress)
            if now == before { break }
            before = now
        }
    }

    /// Both directions of each connection whose two ends are known and did nothing but what is allowed.
    func compareStreams() {
        for socket in sockets where !socket.isCut && !isForged(socket.end.hostPort) {
            // Ports of the host below 1000 are used more than once.
            guard socket.end.hostPort >= 1000, socket.wasOpen,
                let program = programs.first(where: { $0.hostPort == socket.end.hostPort }), !program.isStranger,
                !program.hasSentTooMuch
            else { continue }
            compare(socket, program)
            result.compared += 1
        }
    }

    private func compare(_ socket: FuzzSocket, _ program: FuzzProgram) {
        let end = socket.end
        func find(_ what: String) {
            fuzzFinding("\(what), guest's port \(end.port), host's \(end.hostPort)")
        }
        let guestEnded = end.ownShutdown.contains(.noMoreSending) || socket.didReset
        let hostEnded = program.isClosed || program.hasEndedSending
        if !program.isClosed, !program.hasEndedReceiving {
            if program.receivedLengths != socket.sentLengths { find("the host got other messages than were sent") }
            if program.received != socket.sent {
                find("the host got \(program.received) of \(socket.sent) bytes")
            }
            if guestEnded, !program.sawEnd { find("the host misses the end") }
            let isOver = end.phase == .closed
            if program.sawEnd, !guestEnded, !isOver { find("the host read an end that nobody made") }
        }
        let guestReads = !end.ownShutdown.contains(.noMoreReceiving) && !socket.didReset
        if guestReads {
            if socket.receivedLengths != program.sentLengths { find("the guest got other messages than were sent") }
            if socket.received != program.sent { find("the guest got \(socket.received) of \(program.sent) bytes") }
            if hostEnded, !end.isAtEnd { find("the guest misses the end") }
        }
        let isAllowedToEnd =
            program.isClosed || socket.didReset || end.ownShutdown == .noMoreAtAll
            || (program.hasEndedSending && (program.hasEndedReceiving || guestEnded))
            || (program.hasEndedReceiving && !guestReads)
        if end.phase == .closed, !isAllowedToEnd { find("the connection ended by itself") }
    }

    /// Everybody goes: nothing may be left. Somebody new gets through. After a reset nothing is watched.
    func end() throws {
        for program in programs { program.close() }
        for socket in sockets {
            if socket.end.phase == .connecting { try guest.reset(socket.end) }
            try guest.close(socket.end)
        }
        backend.removeAccepted()
        programs.removeAll()
        // Busy programs are asked again after 10 ms.
        guard try guest.run(until: { guest.device.connectionCount == 0 }) else {
            fuzzFinding("\(guest.device.connectionCount) connections are left when all are closed")
        }
        try probe()
        guest.device.reset()
        backend.removeAccepted()
        try guest.run()
        if guest.device.connectionCount != 0 { fuzzFinding("\(guest.device.connectionCount) connections are left") }
        if guest.loop.watchCount != 0 { fuzzFinding("\(guest.loop.watchCount) descriptors are still watched") }
    }

    private func probe() throws {
        let socket = try guest.connect(toHostPort: 999, from: 99)
        try guest.run()
        guard socket.phase == .established, let program = backend.accepted.last?.program else {
            fuzzFinding("nobody gets through any more")
        }
        try guest.send([1, 2, 3], on: socket)
        _ = try? program.send([4, 5])
        program.endSending()
        try guest.run()
        guard try program.receive() == [1, 2, 3], try guest.read(socket) == [4, 5], socket.isAtEnd else {
            fuzzFinding("what somebody new says does not get through")
        }
    }
}
