// SPDX-License-Identifier: Apache-2.0
internal import Synchronization
public import VMMemory
public import VirtioDevices
public import VirtioModel
public import VirtioQueue
public import VirtioQueueTestSupport

/// The driver's side of a register page, for tests: it brings a device up as a guest kernel does (virtio 1.2, 3.1.1).
public final class MMIODriver {
    /// The transport that it drives.
    public let transport: MMIOTransport
    /// The interrupt line; it counts.
    public let line: RecordingTrigger
    /// Why the device gave up; it keeps them.
    public let faults = RecordingFaults()
    /// The event loop, played by the test.
    public let events: ManualEventRegistry
    private let offersPackedRings: Bool
    /// Where memory goes on above the gap.
    static let highMemory = GuestAddress(1 << 30)
    /// With which queues were set up last.
    private var features: VirtioFeatures = []
    /// The guest's memory: 16 MiB from 0x1000 on and 64 KiB from 1 GiB on, unless another was given.
    public let memory: GuestMemory
    /// The split queues that were set up, by index.
    public private(set) var queues: [DriverQueue?] = []
    /// The packed queues that were set up, by index.
    public private(set) var packedQueues: [PackedDriverQueue?] = []

    /// Registers by their name in the specification (virtio 1.2, 4.2.2).
    public enum Register {
        /// MagicValue.
        public static let magicValue: UInt64 = 0x00
        /// DeviceFeatures.
        public static let deviceFeatures: UInt64 = 0x10
        /// DeviceFeaturesSel.
        public static let deviceFeaturesSelect: UInt64 = 0x14
        /// DriverFeatures.
        public static let driverFeatures: UInt64 = 0x20
        /// DriverFeaturesSel.
        public static let driverFeaturesSelect: UInt64 = 0x24
        /// QueueSel.
        public static let queueSelect: UInt64 = 0x30
        /// QueueNumMax.
        public static let queueSizeMax: UInt64 = 0x34
        /// QueueNum.
        public static let queueSize: UInt64 = 0x38
        /// QueueReady.
        public static let queueReady: UInt64 = 0x44
        /// QueueNotify.
        public static let queueNotify: UInt64 = 0x50
        /// InterruptStatus.
        public static let interruptStatus: UInt64 = 0x60
        /// InterruptACK.
        public static let interruptACK: UInt64 = 0x64
        /// Status.
        public static let status: UInt64 = 0x70
        /// QueueReset.
        public static let queueReset: UInt64 = 0xc0
        /// ConfigGeneration.
        public static let configGeneration: UInt64 = 0xfc
        /// The first byte of the configuration space.
        public static let config: UInt64 = 0x100
    }

    /// Puts a transport in front of a device, with everything at the calling thread.
    public init(
        _ device: any VirtioDevice, memory: GuestMemory? = nil, executor: any DeviceExecutor = ImmediateExecutor(),
        offersPackedRings: Bool = false
    ) throws(GuestMemoryError) {
        let start = GuestAddress(0x1000)
        guard let low = GuestRange(start: start, byteCount: 16 << 20),
            let high = GuestRange(start: Self.highMemory, byteCount: 64 << 10)
        else { throw .unmapped(start) }
        let guest: GuestMemory
        if let memory { guest = memory } else { guest = try .anonymous([low, high]) }
        self.memory = guest
        self.offersPackedRings = offersPackedRings
        line = RecordingTrigger()
        events = ManualEventRegistry()
        transport = MMIOTransport(
            device: device, memory: guest, executor: executor, events: events, trigger: line,
            offersPackedRings: offersPackedRings, onFault: faults.add)
    }

    /// Reads a register.
    public func read(_ register: UInt64) -> UInt32 {
        UInt32(truncatingIfNeeded: transport.read(offset: register, size: 4))
    }
    /// Writes a register.
    public func write(_ register: UInt64, _ value: UInt32) {
        transport.write(offset: register, value: UInt64(value), size: 4)
    }

    /// The status register.
    public var status: UInt32 {
        get { read(Register.status) }
        set { write(Register.status, newValue) }
    }

    /// The features that the device offers.
    public var offeredFeatures: VirtioFeatures {
        write(Register.deviceFeaturesSelect, 0)
        let low = read(Register.deviceFeatures)
        write(Register.deviceFeaturesSelect, 1)
        return VirtioFeatures(rawValue: UInt64(read(Register.deviceFeatures)) << 32 | UInt64(low))
    }

    /// Writes both pages of accepted features.
    public func accept(_ features: VirtioFeatures) {
        write(Register.driverFeaturesSelect, 0)
        write(Register.driverFeatures, UInt32(truncatingIfNeeded: features.rawValue))
        write(Register.driverFeaturesSelect, 1)
        write(Register.driverFeatures, UInt32(truncatingIfNeeded: features.rawValue >> 32))
    }

    /// Resets, negotiates and stops before the queues.
    /// - Parameter features: all that are offered, if nil.
    /// - Returns: whether the device agreed.
    @discardableResult
    public func negotiate(_ features: VirtioFeatures? = nil) -> Bool {
        status = 0
        status = 1
        status = 3
        accept(features ?? offeredFeatures)
        status = 0xb
        return status == 0xb
    }

    /// Describes a queue to the device and marks it ready.
    public func setUp(_ index: Int, _ configuration: QueueConfiguration) {
        write(Register.queueSelect, UInt32(truncatingIfNeeded: index))
        write(Register.queueSize, UInt32(configuration.size))
        for (area, register) in [(QueueArea.descriptorTable, 0x80), (.availableRing, 0x90), (.usedRing, 0xa0)] {
            let address = configuration[area].rawValue
            write(UInt64(register), UInt32(truncatingIfNeeded: address))
            write(UInt64(register) + 4, UInt32(truncatingIfNeeded: address >> 32))
        }
        write(Register.queueReady, 1)
    }

    /// Brings the device up, with every queue in memory of its own.
    /// - Parameters:
    ///   - features: all that are offered, if nil.
    ///   - only: the queues to set up; all, if nil.
    public func start(_ features: VirtioFeatures? = nil, only: Set<Int>? = nil) throws(GuestMemoryError) {
        let features = features ?? offeredFeatures
        negotiate(features)
        try setUpQueues(features, only: only)
        status = 0xf
    }

    /// Sets queues up, in memory of their own, split or packed as the features say: the step between FEATURES_OK and
    /// DRIVER_OK.
    public func setUpQueues(_ features: VirtioFeatures, only: Set<Int>? = nil) throws(GuestMemoryError) {
        queues = [DriverQueue?](repeating: nil, count: transport.queueCount)
        packedQueues = [PackedDriverQueue?](repeating: nil, count: transport.queueCount)
        self.features = features
        for index in 0..<transport.queueCount where only?.contains(index) != false {
            write(Register.queueSelect, UInt32(index))
            try setUp(index, size: UInt16(clamping: read(Register.queueSizeMax)), at: Self.queueMemory(index).start)
        }
    }

    /// The memory of a queue, 256 KiB: the rings, and behind them what `allocate` takes.
    static func queueMemory(_ index: Int) -> (start: GuestAddress, byteCount: Int) {
        (GuestAddress(0x10_0000 + 0x4_0000 * UInt64(index)), 0x4_0000)
    }

    /// Lays a queue out in memory, split or packed as was negotiated, describes it to the device, and marks it ready: one
    /// that was reset, too (virtio 1.2, 2.6.1).
    /// - Parameters:
    ///   - index: which one.
    ///   - size: how many descriptors.
    ///   - start: where; what `allocate` takes lies behind it.
    public func setUp(_ index: Int, size: UInt16, at start: GuestAddress) throws(GuestMemoryError) {
        guard queues.indices.contains(index) else { return }
        if features.contains(.packedRing) {
            let queue = try PackedDriverQueue(memory: memory, size: size, at: start, features: features)
            packedQueues[index] = queue
            setUp(index, queue.configuration)
        } else {
            let queue = try DriverQueue(memory: memory, size: size, at: start, features: features)
            queues[index] = queue
            setUp(index, queue.configuration)
        }
    }

    /// Plays a guest whose machine stands still, is saved, and goes on with another device over the same memory.
    /// - Parameters:
    ///   - device: the transport's own; it stands still for ever, so that two never serve the same queues.
    ///   - fresh: made as that one was.
    ///   - executor: the thread of the fresh one.
    ///   - change: what somebody does to the saved state.
    /// - Returns: the same driver in front of the fresh device.
    public func move<Device: SavableDevice>(
        from device: Device, to fresh: Device, executor: any DeviceExecutor = ImmediateExecutor(),
        changing change: (inout SavedMMIODevice<Device.State>) -> Void = { _ in }
    ) throws -> MMIODriver {
        transport.pause()
        var saved = transport.save(device)
        change(&saved)
        let next = try MMIODriver(
            fresh, memory: memory, executor: executor, offersPackedRings: offersPackedRings)
        try next.transport.restore(saved, into: fresh)
        next.features = features
        next.queues = queues
        next.packedQueues = packedQueues
        next.transport.resume()
        return next
    }

    /// Brings the device up with packed rings, which the transport must offer.
    /// - Parameter size: of every queue; need not be a power of two (virtio 1.2, 2.8).
    public func startPacked(size: UInt16) throws(GuestMemoryError) -> [PackedDriverQueue] {
        let features = offeredFeatures
        negotiate(features)
        var queues: [PackedDriverQueue] = []
        for index in 0..<transport.queueCount {
            let start = GuestAddress(0x10_0000 + 0x4_0000 * UInt64(index))
            let queue = try PackedDriverQueue(memory: memory, size: size, at: start, features: features)
            setUp(index, queue.configuration)
            queues.append(queue)
        }
        status = 0xf
        return queues
    }

    /// Takes a queue from the running device (virtio 1.2, 2.6.1); `setUp` gives it one again. Returns when it is reset.
    public func resetQueue(_ index: Int) {
        write(Register.queueSelect, UInt32(truncatingIfNeeded: index))
        write(Register.queueReset, 1)
    }

    /// Rings the doorbell of a queue, with a trap.
    public func notify(_ index: Int) { write(Register.queueNotify, UInt32(truncatingIfNeeded: index)) }

    /// Takes what the interrupt status has and acknowledges it.
    public func takeInterrupts() -> UInt32 {
        let bits = read(Register.interruptStatus)
        write(Register.interruptACK, bits)
        return bits
    }

    /// Bytes of the configuration space.
    public func config(_ range: Range<UInt64>) -> [UInt8] {
        range.map { UInt8(truncatingIfNeeded: transport.read(offset: Register.config + $0, size: 1)) }
    }

    /// A split queue that was set up.
    public func queue(_ index: Int) -> DriverQueue? { queues.indices.contains(index) ? queues[index] : nil }
}

/// What a transport's user is told of a device that gave up.
public final class RecordingFaults: Sendable {
    private let faults = Mutex<[DeviceFault]>([])

    /// None yet.
    public init() {}
    /// Keeps it.
    public func add(_ fault: DeviceFault) { faults.withLock { $0.append(fault) } }
    /// All, in order.
    public var all: [DeviceFault] { faults.withLock { $0 } }
}

/// An interrupt line that counts its edges.
public final class RecordingTrigger: InterruptTrigger {
    private let edges = Atomic<Int>(0)

    /// No edge yet.
    public init() {}
    /// Counts.
    public func trigger() { edges.wrappingAdd(1, ordering: .relaxed) }
    /// How many there were.
    public var count: Int { edges.load(ordering: .relaxed) }
}
