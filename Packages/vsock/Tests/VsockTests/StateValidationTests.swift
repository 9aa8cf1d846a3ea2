// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMSysUtil
import VMMemory
import VirtioModel
import VirtioQueue
import VirtioQueueTestSupport
import Vsock
import VsockTestSupport

@Suite struct StateValidationTests {
    struct Row: Sendable, CustomStringConvertible {
        let description: String
        let error: VsockStateError
        let change: @Sendable (inout VsockState) -> Void
    }

    static func running(_ body: @escaping @Sendable (inout VsockState.Running) -> Void)
        -> @Sendable (inout VsockState) -> Void
    {
        { state in
            guard var running = state.running else { return }
            body(&running)
            state.running = running
        }
    }

    static let rows: [Row] = [
        Row(description: "another guest", error: .guestCID(saved: 4)) { $0.guestCID = 4 },
        Row(description: "a port of nobody's", error: .hostPort(5)) { $0.lastHostPort = 5 },
        Row(description: "a port above the last", error: .hostPort(1 << 31)) { $0.lastHostPort = 1 << 31 },
        Row(
            description: "a queue that is not ready", error: .queue(.queue(index: 0, .notReady)),
            change: running { $0.receive?.configuration.isReady = false }),
        Row(
            description: "a queue outside of memory",
            error: .queue(
                .queue(index: 1, .unmapped(.descriptorTable, GuestAddress(0xf_0000_0000), byteCount: 16 * 64))),
            change: running { $0.transmit?.configuration.descriptorTable = GuestAddress(0xf_0000_0000) }),
        Row(
            description: "a queue larger than offered", error: .queue(.size(index: 0, 512, maximum: 256)),
            change: running { $0.receive?.configuration.size = 512 }),
        Row(
            description: "a packed ring that was not negotiated",
            error: .queue(.queue(index: 0, .state(.format(.packed)))), change: running { $0.receive?.format = .packed }),
        Row(
            description: "chains in flight to the guest", error: .queue(.inFlight(index: 0, 1)),
            change: running { $0.receive?.inFlight = 1 }),
        Row(
            description: "chains in flight from the guest", error: .queue(.inFlight(index: 1, 64)),
            change: running { $0.transmit?.inFlight = 64 }),
        Row(
            description: "indices that contradict each other",
            error: .queue(
                .queue(index: 1, .state(.indices(nextAvailable: 9, nextUsed: 1, inFlight: 0)))),
            change: running {
                $0.transmit?.nextAvailable = 9
                $0.transmit?.nextUsed = 1
            }),
        Row(
            description: "fewer event buffers than in flight", error: .queue(.inFlight(index: 2, 8)),
            change: running { $0.eventBuffers.removeLast() }),
        Row(
            description: "an event buffer twice", error: .eventBuffer(VsockState.EventBuffer(head: 0)),
            change: running { $0.eventBuffers[1].head = $0.eventBuffers[0].head }),
        Row(
            description: "an event buffer of no descriptor", error: .eventBuffer(VsockState.EventBuffer(head: 16)),
            change: running { $0.eventBuffers[3].head = 16 }),
        Row(
            description: "event buffers of no queue", error: .eventBuffer(VsockState.EventBuffer(head: 0)),
            change: running { $0.event = nil }),
        Row(
            description: "more event buffers at the guest than there are", error: .unreturnedEventBuffers(9),
            change: running { $0.unreturnedEventBufferCount = 9 }),
        Row(
            description: "event buffers at the guest without a queue", error: .unreturnedEventBuffers(1),
            change: running {
                $0.event = nil
                $0.eventBuffers = []
                $0.unreturnedEventBufferCount = 1
            }),
        Row(
            description: "no queue to the guest, whose driver cannot have reset it", error: .missingQueue(index: 0),
            change: running { $0.receive = nil }),
        Row(
            description: "no queue from the guest", error: .missingQueue(index: 1),
            change: running { $0.transmit = nil }),
        Row(
            description: "an event that waits for a queue that is there", error: .eventOwed,
            change: running { $0.isEventOwed = true }),
        Row(
            description: "an event that waits for a queue that cannot come", error: .eventOwed,
            change: running {
                $0.event = nil
                $0.eventBuffers = []
                $0.isEventOwed = true
            }),
        Row(
            description: "more RSTs than can be owed", error: .resets(count: 1280),
            change: running { $0.resets = Array(repeating: .init(hostPort: 1, guestPort: 2), count: 1280) }),
    ]

    @Test("a state that contradicts itself is refused, and the error says what", arguments: rows)
    func refused(row: Row) throws {
        let rig = try Rig()
        rig.device.pause()
        let saved = rig.device.save()
        #expect(saved.running?.eventBuffers.map(\.head) == Array(0..<8))
        var state = saved
        row.change(&state)
        #expect(state != saved)
        let device = VsockDevice(guestCID: rig.device.guestCID, backend: rig.backend)
        #expect(throws: row.error) { try rig.guest.move(to: device, restoring: state) }
        #expect(device.connectionCount == 0 && device.lastHostPort == nil && !device.isPaused)
        #expect(!row.error.description.isEmpty)
    }

    @Test("a device that is in use, or belongs to nobody, is not restored")
    func notIdle() throws {
        let rig = try Rig()
        let state = rig.device.save()
        #expect(throws: VsockStateError.notIdle) { try rig.guest.move(to: rig.device, restoring: state) }
        let loose = VsockDevice(guestCID: rig.device.guestCID, backend: rig.backend)
        #expect(throws: VsockStateError.notIdle) {
            try loose.restore(
                state, memory: rig.guest.receiveQueue.memory, features: [.version1], interrupt: rig.guest.interrupt)
        }
    }

    @Test("a ring that was broken when it was saved stops the restored device, and a reset mends it")
    func broken() throws {
        let rig = try Rig()
        rig.device.pause()
        var state = rig.device.save()
        state.running?.transmit?.isBroken = true
        let device = VsockDevice(guestCID: rig.device.guestCID, backend: rig.backend)
        try rig.guest.move(to: device, restoring: state)
        #expect(rig.guest.interrupt.didNeedReset && device.save().running == nil)
        try rig.guest.restart()
        let socket = try rig.guest.connect(toHostPort: 52)
        try rig.guest.run()
        #expect(socket.phase == .established)
    }

    @Test("random states are restored or refused; nothing traps, and a device that is restored can be reset")
    func random() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededGenerator(seed: seed)
        let rig = try Rig()
        _ = try rig.guest.connect(toHostPort: 52)
        try rig.guest.run()
        rig.device.pause()
        let saved = rig.device.save()
        let memory = rig.guest.receiveQueue.memory
        var (restored, refused) = (0, 0)
        for _ in 0..<2000 {
            var state = saved
            for _ in 0..<Int.random(in: 1...3, using: &random) { Self.spoil(&state, &random) }
            let device = VsockDevice(guestCID: rig.device.guestCID, backend: rig.backend)
            let loop = PollLoop()
            device.attach(
                to: DeviceHost(configuration: RecordingConfiguration(), events: loop, executor: loop.executor))
            do throws(VsockStateError) {
                try device.restore(
                    state, memory: memory, features: rig.guest.receiveQueue.features,
                    interrupt: RecordingInterrupt())
                restored += 1
                device.resume()
                for index in 0..<3 as Range<UInt16> { _ = device.queueNotified(index) }
                device.reset()
            } catch { refused += 1 }
            #expect(loop.watchCount == 0, "seed \(seed)")
        }
        #expect(restored > 100 && refused > 100, "seed \(seed)")
    }

    private static func spoil(_ state: inout VsockState, _ random: inout SeededGenerator) {
        let numbers: [UInt16] = [0, 1, 2, 15, 16, 17, 63, 64, 65, 255, 256, 0x7fff, 0x8000, 0xffff]
        let number = numbers.randomElement(using: &random) ?? 0
        guard var running = state.running else { return }
        defer { state.running = running }
        switch Int.random(in: 0..<12, using: &random) {
        case 0: running.receive?.nextAvailable = number
        case 1: running.receive?.inFlight = number
        case 2:
            running.transmit?.nextAvailable = number
            running.transmit?.nextUsed = number
        case 3: running.event?.nextUsed = number
        case 4: running.event?.inFlight = number
        case 5: running.eventBuffers.append(.init(head: number, slotCount: number))
        case 6: if !running.eventBuffers.isEmpty { running.eventBuffers[0].head = number }
        case 7: running.unreturnedEventBufferCount = number
        case 8: running.receive?.configuration.size = number
        case 9: running.transmit?.unsignalled = UInt32(number) << 16 | UInt32(number)
        case 10: running.resets = Array(repeating: .init(hostPort: 1, guestPort: 2), count: Int(number))
        default: running.event?.configuration.usedRing = GuestAddress(UInt64(number) << 8)
        }
    }
}
