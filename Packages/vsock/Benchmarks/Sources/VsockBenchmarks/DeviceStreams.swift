// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import VMMSysUtil
internal import VMMemory
internal import VirtioModel
internal import VirtioQueue
internal import VirtioQueueTestSupport
internal import Vsock
internal import VsockTestSupport

/// A device with one connection, a driver without a guest, and a program at the host's end.
final class DeviceRig {
    let device: VsockDevice
    let loop = PollLoop()
    let program: HostEnd
    private let toGuest: DriverQueue
    private let toHost: DriverQueue
    private let header: DriverQueue.Buffer
    private let payload: DriverQueue.Buffer
    private var receiveBuffers: [UInt16: DriverQueue.Buffer] = [:]
    private var forwarded: UInt32 = 0
    private var told: UInt32 = 0

    private let type: VsockSocketType

    /// - Parameters:
    ///   - receiveByteCount: of each buffer for packets to the guest; Linux offers a page less its own overhead.
    ///   - style: of the connection.
    init(receiveByteCount: UInt32, _ style: SocketPair.Style) throws {
        type = style == .stream ? .stream : .sequencedPacket
        let path = "/tmp/vsock-bench-\(getpid()).sock"
        unlink(path)
        unlink(path + "_52")
        let listener = try UnixSocketBackend(
            listening: UnixSocket.listen(path + "_52", style, isBlocking: false), path: path)
        defer { unlink(path + "_52") }
        guard let cid = GuestCID(3), let range = GuestRange(start: GuestAddress(0x1000), byteCount: 64 << 20) else {
            throw BenchmarkFailure(text: "no guest")
        }
        device = VsockDevice(guestCID: cid, backend: try UnixSocketBackend(path: path))
        let memory = try GuestMemory.anonymous([range])
        toGuest = try DriverQueue(memory: memory, size: 256, at: GuestAddress(0x10_0000))
        toHost = try DriverQueue(memory: memory, size: 256, at: GuestAddress(0x300_0000))
        let events = try DriverQueue(memory: memory, size: 16, at: GuestAddress(0x10000))
        header = toHost.buffer(room: 44)
        payload = toHost.buffer(room: 64 << 10)
        device.attach(to: DeviceHost(configuration: RecordingConfiguration(), events: loop, executor: loop.executor))
        try device.activate(
            Activation(
                memory: memory, features: toHost.features.union(.vsockSequencedPacket),
                configurations: [toGuest.configuration, toHost.configuration, events.configuration],
                interrupt: RecordingInterrupt()))
        program = try HostEnd(Self.open(device, type, toHost, header, memory, listener))
        for _ in 0..<256 {
            let buffer = toGuest.buffer(room: receiveByteCount)
            if let head = try toGuest.add([buffer]) { receiveBuffers[head] = buffer }
        }
        try toGuest.publish()
        ring(0)
        _ = try takePackets()
    }

    private static func open(
        _ device: VsockDevice, _ type: VsockSocketType, _ queue: DriverQueue, _ header: DriverQueue.Buffer,
        _ memory: GuestMemory,
        _ listener: UnixSocketBackend
    ) throws -> Int32 {
        try memory.write(at: header.address, from: packet(.request, type).bytes)
        try queue.send([.init(header.address, 44, isWritable: false)])
        _ = device.queueNotified(1)
        let socket = try listener.accept()
        return dup(socket.rawValue)
    }

    /// Of packets, each is a message.
    private static func packet(
        _ operation: VsockOperation, _ type: VsockSocketType, _ byteCount: Int = 0, forwarded: UInt32 = 0
    ) -> VsockHeader {
        VsockHeader(
            sourceCID: 3, destinationCID: GuestCID.host, sourcePort: 1000, destinationPort: 52, operation: operation,
            payloadByteCount: UInt32(byteCount), type: type,
            flags: type == .sequencedPacket && operation == .data ? .endOfMessage : [], bufferByteCount: 256 << 10,
            forwardedCount: forwarded)
    }

    func ring(_ index: UInt16) { while device.queueNotified(index) == .again {} }

    /// The guest sends as many packets; they are the same memory each time.
    func send(_ count: Int, byteCount: Int) throws {
        while try toHost.takeUsed() != nil {}
        let bytes = Self.packet(.data, type, byteCount, forwarded: forwarded).bytes
        try toHost.memory.write(at: header.address, from: bytes)
        for _ in 0..<count {
            let chain = [
                DriverQueue.Buffer(header.address, 44, isWritable: false),
                DriverQueue.Buffer(payload.address, UInt32(byteCount), isWritable: false),
            ]
            guard try toHost.add(chain) != nil else { throw BenchmarkFailure(text: "the queue is full") }
        }
        try toHost.publish()
        ring(1)
    }

    /// The guest takes what came, gives the buffers back, and tells of the room as Linux does.
    /// - Returns: how many bytes of data.
    func takePackets() throws -> Int {
        var total = 0
        while let used = try toGuest.takeUsed() {
            guard let head = UInt16(exactly: used.head), let buffer = receiveBuffers.removeValue(forKey: head) else {
                throw BenchmarkFailure(text: "a buffer came back that was not given")
            }
            total += max(0, Int(used.written) - 44)
            if let head = try toGuest.add([buffer]) { receiveBuffers[head] = buffer }
        }
        try toGuest.publish()
        forwarded &+= UInt32(total)
        if forwarded &- told >= 192 << 10 {
            told = forwarded
            while try toHost.takeUsed() != nil {}
            try toHost.memory.write(
                at: header.address, from: Self.packet(.creditUpdate, type, forwarded: forwarded).bytes)
            try toHost.send([.init(header.address, 44, isWritable: false)])
            ring(1)
        }
        ring(0)
        return total
    }
}

/// What a guest writes and a program reads.
final class GuestToHost: Stream {
    private let rig: DeviceRig

    init(_ style: SocketPair.Style) throws { rig = try DeviceRig(receiveByteCount: 4096, style) }

    func move(_ byteCount: Int, pieces: Int) throws -> Int {
        var moved = 0
        while moved < byteCount {
            let count = min(64, max(1, burstByteCount / pieces))
            try rig.send(count, byteCount: pieces)
            var taken = 0
            while taken < count * pieces {
                taken += rig.program.drain()
                rig.loop.runOnce()
            }
            _ = try rig.takePackets()
            moved += taken
        }
        return moved
    }
}

/// What a program writes and a guest reads.
final class HostToGuest: Stream {
    private let rig: DeviceRig

    init(receiveByteCount: UInt32, _ style: SocketPair.Style) throws {
        rig = try DeviceRig(receiveByteCount: receiveByteCount, style)
    }

    func move(_ byteCount: Int, pieces: Int) throws -> Int {
        var moved = 0
        while moved < byteCount {
            let sent = rig.program.fill(min(burstByteCount, 64 * pieces), pieces: pieces)
            var taken = 0
            while taken < sent {
                rig.loop.runOnce()
                taken += try rig.takePackets()
            }
            moved += taken
        }
        return moved
    }
}

extension GuestMemory {
    fileprivate func write(at address: GuestAddress, from bytes: [UInt8]) throws(GuestMemoryError) {
        try bytes.span.withUnsafeBytes { (pointer) throws(GuestMemoryError) in
            try write(at: address, from: pointer)
        }
    }
}
