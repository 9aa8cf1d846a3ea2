// SPDX-License-Identifier: Apache-2.0
public import VMMemory
public import VirtioQueue

/// What the driver's side has of either format: memory with buffers in it, and chains that go to the device and come
/// back.
public protocol RingDriver: AnyObject {
    /// The memory that the device will be given.
    var memory: GuestMemory { get }
    /// How a transport would have it from the registers; ready.
    var configuration: QueueConfiguration { get }
    /// What driver and device agreed on.
    var features: VirtioFeatures { get }
    /// Descriptors that are free.
    var freeCount: Int { get }
    /// Where `allocate` takes memory from next.
    var heap: GuestAddress { get set }
    /// Puts a chain into the ring; `publish` shows it.
    /// - Returns: its head, or buffer id; nil if there are not enough free descriptors, or no buffers.
    func add(_ buffers: [DriverQueue.Buffer], isIndirect: Bool) throws(GuestMemoryError) -> UInt16?
    /// Shows everything added to the device.
    func publish() throws(GuestMemoryError)
    /// Takes the next chain back that the device has used: its head, or buffer id, and how much was written.
    func takeBack() throws(GuestMemoryError) -> DriverQueue.Used?
}

/// A driver's side of the format that the features say, in memory of the test's.
public func makeRingDriver(
    memory: GuestMemory, size: UInt16, at base: GuestAddress, features: VirtioFeatures
) throws(GuestMemoryError) -> any RingDriver {
    if features.contains(.packedRing) {
        return try PackedDriverQueue(memory: memory, size: size, at: base, features: features)
    }
    return try DriverQueue(memory: memory, size: size, at: base, features: features)
}

extension RingDriver {
    /// Adds and publishes one chain.
    @discardableResult
    public func send(
        chain buffers: [DriverQueue.Buffer], isIndirect: Bool = false
    ) throws(GuestMemoryError) -> UInt16? {
        let head = try add(buffers, isIndirect: isIndirect)
        try publish()
        return head
    }

    /// The device's side of the same queue, at its beginning.
    public func activate() throws(QueueConfigurationError) -> Queue {
        try configuration.activate(memory: memory, features: features)
    }

    /// Takes memory behind the queue, aligned to 16 bytes. Nothing gives it back but `resetHeap(to:)`.
    public func allocate(_ byteCount: UInt64) -> GuestAddress {
        let address = heap
        heap = GuestAddress((heap.rawValue &+ byteCount &+ 15) & ~15)
        return address
    }

    /// Goes on allocating at an address.
    public func resetHeap(to address: GuestAddress) { heap = address }

    /// Allocates a buffer and fills it.
    public func buffer(of bytes: [UInt8]) throws(GuestMemoryError) -> DriverQueue.Buffer {
        let address = allocate(UInt64(bytes.count))
        if !bytes.isEmpty {
            try write(bytes, at: address)
        }
        return DriverQueue.Buffer(address, UInt32(clamping: bytes.count), isWritable: false)
    }

    /// Allocates a buffer for the device to write.
    public func buffer(room byteCount: UInt32) -> DriverQueue.Buffer {
        DriverQueue.Buffer(allocate(UInt64(byteCount)), byteCount, isWritable: true)
    }

    /// What is in a buffer now.
    public func bytes(of buffer: DriverQueue.Buffer) throws(GuestMemoryError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Int(buffer.byteCount))
        try bytes.withUnsafeMutableBufferPointer { (pointer) throws(GuestMemoryError) in
            try memory.read(at: buffer.address, into: UnsafeMutableRawBufferPointer(pointer))
        }
        return bytes
    }

    func write(_ bytes: [UInt8], at address: GuestAddress) throws(GuestMemoryError) {
        try bytes.withUnsafeBufferPointer { (pointer) throws(GuestMemoryError) in
            try memory.write(at: address, from: UnsafeRawBufferPointer(pointer))
        }
    }
}
