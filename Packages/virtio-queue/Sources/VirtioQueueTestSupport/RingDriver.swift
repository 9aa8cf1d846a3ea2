// SPDX-License-Identifier: Apache-2.0
public import VMMemory

/// What the driver's side has of either format: memory, and buffers in it.
public protocol RingDriver: AnyObject {
    /// The memory that the device will be given.
    var memory: GuestMemory { get }
    /// Takes memory behind the queue, aligned to 16 bytes.
    func allocate(_ byteCount: UInt64) -> GuestAddress
}

extension RingDriver {
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
