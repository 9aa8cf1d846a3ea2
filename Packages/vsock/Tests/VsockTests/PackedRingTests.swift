// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMSysUtil
import VMMemory
import VirtioModel
import VirtioQueue
import VirtioQueueTestSupport
import Vsock
import VsockTestSupport

/// A guest with packed rings, as far as these tests need one.
private struct PackedGuest {
    let memory: GuestMemory
    let queues: [PackedDriverQueue]
    let interrupt = RecordingInterrupt()
    let loop = PollLoop()
    private var buffers: [UInt16: DriverQueue.Buffer] = [:]

    init() throws {
        let start = GuestAddress(0x1000)
        memory = try GuestMemory.anonymous([try #require(GuestRange(start: start, byteCount: 4 << 20))])
        let memory = memory
        queues = try [0x1000, 0x10_0000, 0x20_0000].map {
            try PackedDriverQueue(memory: memory, size: 15, at: GuestAddress($0))
        }
        // Of two descriptors each, so that the slots of a buffer count.
        for _ in 0..<3 { try queues[2].send([queues[2].buffer(room: 2), queues[2].buffer(room: 6)]) }
        for _ in 0..<7 { try refill() }
    }

    mutating func refill() throws {
        let buffer = queues[0].buffer(room: 44 + 256)
        let id = try queues[0].send([buffer])
        buffers[try #require(id)] = buffer
    }

    func attach(_ device: VsockDevice) {
        device.attach(to: DeviceHost(configuration: RecordingConfiguration(), events: loop, executor: loop.executor))
    }

    func notify(_ device: VsockDevice) {
        for index in 0..<3 as Range<UInt16> { while device.queueNotified(index) == .again {} }
    }

    func send(_ operation: VsockOperation, _ port: UInt32, _ payload: [UInt8] = []) throws {
        let header = VsockHeader(
            sourceCID: 3, destinationCID: 2, sourcePort: port, destinationPort: 52, operation: operation,
            payloadByteCount: UInt32(payload.count), bufferByteCount: 4096)
        let bytes = header.bytes + payload
        let address = queues[1].allocate(UInt64(bytes.count))
        try bytes.withUnsafeBytes { try memory.write(at: address, from: $0) }
        try queues[1].send([DriverQueue.Buffer(address, UInt32(bytes.count), isWritable: false)])
        while try queues[1].takeUsed() != nil {}
    }

    mutating func receive() throws -> [VsockHeader] {
        var headers: [VsockHeader] = []
        while let used = try queues[0].takeUsed() {
            let known = buffers.removeValue(forKey: used.id)
            let buffer = try #require(known)
            var bytes = [UInt8](repeating: 0, count: 44)
            try bytes.withUnsafeMutableBytes { try memory.read(at: buffer.address, into: $0) }
            let header = bytes.withUnsafeBytes { VsockHeader(bytes: $0) }
            headers.append(try #require(header))
            try refill()
        }
        return headers
    }
}

@Suite struct PackedRingTests {
    @Test("over packed rings a device talks, is saved with its event buffers in flight, and goes on elsewhere")
    func savedAndRestored() throws {
        let backend = try PairBackend()
        let cid = try #require(GuestCID(3))
        var guest = try PackedGuest()
        var device = VsockDevice(guestCID: cid, backend: backend)
        let features = guest.queues[0].features
        guest.attach(device)
        try device.activate(
            Activation(
                memory: guest.memory, features: features, configurations: guest.queues.map(\.configuration),
                interrupt: guest.interrupt))
        guest.notify(device)
        for round in 0..<40 as Range<UInt32> {
            let port = 100 + round
            try guest.send(.request, port)
            guest.notify(device)
            #expect(try guest.receive().map(\.operation) == [.response])
            try guest.send(.data, port, [UInt8(round)])
            guest.notify(device)
            #expect(try backend.accepted.last?.program.receive() == [UInt8(round)])

            device.pause()
            let state = device.save()
            #expect(state.running?.receive?.format == .packed)
            #expect(state.running?.eventBuffers.map(\.slotCount) == [2, 2, 2])
            device = VsockDevice(guestCID: cid, backend: backend)
            guest.attach(device)
            try device.restore(state, memory: guest.memory, features: features, interrupt: guest.interrupt)
            device.resume()
            guest.notify(device)
            let events = try takeEvents(guest)
            #expect(events == [0, 0, 0])
            guest.notify(device)
            #expect(try takeEvents(guest) == [4])
            guest.notify(device)
        }
        #expect(!guest.interrupt.didNeedReset)
    }

    /// The lengths of the used event buffers, each of which is offered again.
    private func takeEvents(_ guest: PackedGuest) throws -> [UInt32] {
        let queue = guest.queues[2]
        var lengths: [UInt32] = []
        while let used = try queue.takeUsed() {
            lengths.append(used.written)
            try queue.send([queue.buffer(room: 2), queue.buffer(room: 6)])
        }
        return lengths
    }

    @Test("slots of event buffers that are not those in flight are refused")
    func slots() throws {
        let guest = try PackedGuest()
        let device = VsockDevice(guestCID: try #require(GuestCID(3)), backend: try PairBackend())
        guest.attach(device)
        let features = guest.queues[0].features
        try device.activate(
            Activation(
                memory: guest.memory, features: features, configurations: guest.queues.map(\.configuration),
                interrupt: guest.interrupt))
        guest.notify(device)
        device.pause()
        let saved = device.save()
        for (counts, error) in [
            ([2, 2, 1], VsockStateError.queue(.inFlight(index: 2, 3))),
            ([2, 2, 3], .eventBuffer(VsockState.EventBuffer(head: 2, slotCount: 3))),
            ([2, 2, 0], .eventBuffer(VsockState.EventBuffer(head: 2, slotCount: 0))),
            ([2, 2, .max], .eventBuffer(VsockState.EventBuffer(head: 2, slotCount: .max))),
        ] as [([UInt16], VsockStateError)] {
            var state = saved
            for (index, count) in counts.enumerated() { state.running?.eventBuffers[index].slotCount = count }
            let next = VsockDevice(guestCID: device.guestCID, backend: try PairBackend())
            guest.attach(next)
            #expect(throws: error) {
                try next.restore(state, memory: guest.memory, features: features, interrupt: guest.interrupt)
            }
        }
    }
}
