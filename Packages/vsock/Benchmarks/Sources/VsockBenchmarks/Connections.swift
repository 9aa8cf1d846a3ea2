// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import VMMSysUtil
internal import VMMemory
internal import VirtioModel
internal import VirtioQueue
internal import VirtioQueueTestSupport
internal import Vsock
internal import VsockTestSupport

/// A device that a guest opens many connections of, and a program that accepts them all.
final class CrowdRig {
    private let device: VsockDevice
    private let loop = PollLoop()
    private let listener: UnixSocketBackend
    private let toGuest: DriverQueue
    private let toHost: DriverQueue
    private let header: DriverQueue.Buffer
    private var receiveBuffers: [UInt16: DriverQueue.Buffer] = [:]
    /// The programs' ends, as many as are open.
    private var programs: [Int32] = []

    init(limit: Int) throws {
        let path = "/tmp/vsock-bench-crowd-\(getpid()).sock"
        listener = try UnixSocketBackend(path: path + "_52")
        guard let cid = GuestCID(3), let range = GuestRange(start: GuestAddress(0x1000), byteCount: 64 << 20) else {
            throw BenchmarkFailure(text: "no guest")
        }
        var options = VsockOptions()
        options.connectionLimit = limit
        device = VsockDevice(guestCID: cid, backend: try UnixSocketBackend(path: path), options: options)
        let memory = try GuestMemory.anonymous([range])
        toGuest = try DriverQueue(memory: memory, size: 256, at: GuestAddress(0x10_0000))
        toHost = try DriverQueue(memory: memory, size: 256, at: GuestAddress(0x300_0000))
        let events = try DriverQueue(memory: memory, size: 16, at: GuestAddress(0x10000))
        header = toHost.buffer(room: 44)
        device.attach(to: DeviceHost(configuration: RecordingConfiguration(), events: loop, executor: loop.executor))
        try device.activate(
            Activation(
                memory: memory, features: toHost.features,
                configurations: [toGuest.configuration, toHost.configuration, events.configuration],
                interrupt: RecordingInterrupt()))
        programs.reserveCapacity(limit)
        for _ in 0..<256 {
            let buffer = toGuest.buffer(room: 4096)
            if let head = try toGuest.add([buffer]) { receiveBuffers[head] = buffer }
        }
        try toGuest.publish()
    }

    func open(_ port: UInt32) throws {
        try say(.request, port)
        programs.append(try listener.accept().release())
        try takePackets()
    }

    /// The guest ends the connection that was opened last.
    func close(_ port: UInt32) throws {
        try say(.reset, port)
        if let program = programs.popLast() { Glibc.close(program) }
    }

    deinit { for program in programs { Glibc.close(program) } }

    private func say(_ operation: VsockOperation, _ port: UInt32) throws {
        let packet = VsockHeader(
            sourceCID: 3, destinationCID: GuestCID.host, sourcePort: port, destinationPort: 52, operation: operation,
            bufferByteCount: 256 << 10)
        while try toHost.takeUsed() != nil {}
        try packet.bytes.span.withUnsafeBytes { (pointer) throws(GuestMemoryError) in
            try toHost.memory.write(at: header.address, from: pointer)
        }
        try toHost.send([.init(header.address, 44, isWritable: false)])
        while device.queueNotified(1) == .again {}
    }

    private func takePackets() throws {
        while let used = try toGuest.takeUsed() {
            guard let head = UInt16(exactly: used.head), let buffer = receiveBuffers.removeValue(forKey: head) else {
                throw BenchmarkFailure(text: "a buffer came back that was not given")
            }
            if let head = try toGuest.send([buffer]) { receiveBuffers[head] = buffer }
        }
    }
}

/// The baseline: a Unix socket that is connected to, accepted and closed, by the same calls.
final class PlainConnections {
    private let program: UnixSocketBackend
    private let listener: UnixSocketBackend

    init() throws {
        let path = "/tmp/vsock-bench-plain-\(getpid()).sock"
        program = try UnixSocketBackend(path: path)
        listener = try UnixSocketBackend(path: path + "_52")
    }

    func openAndClose() throws {
        let first = try program.connect(toPort: 52, type: .stream)
        let second = try listener.accept()
        guard first.rawValue >= 0, second.rawValue >= 0 else { throw BenchmarkFailure(text: "no socket") }
    }
}

/// The memory of this process that is its own, in bytes.
func residentByteCount() -> Int {
    guard let file = fopen("/proc/self/statm", "r") else { return 0 }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    guard fgets(&line, 256, file) != nil else { return 0 }
    let words = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self).split(
        separator: " ")
    guard words.count > 1, let pages = Int(words[1]) else { return 0 }
    return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
}
