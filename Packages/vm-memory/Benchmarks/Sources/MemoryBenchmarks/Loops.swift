// SPDX-License-Identifier: Apache-2.0
internal import VMMemory

// The same loops as in baseline.c, through GuestMemory. Errors cannot occur; the loops end if they do.

@inline(never)
func load(_ memory: GuestMemory, _ base: GuestAddress, _ mask: UInt64, _ count: UInt64) throws(GuestMemoryError)
    -> UInt64
{
    var sum: UInt64 = 0
    var offset: UInt64 = 0
    for _ in 0..<count {
        sum &+= try memory.load(UInt64.self, at: GuestAddress(base.rawValue &+ offset))
        offset = (offset &+ 8) & mask
    }
    return sum
}

@inline(never)
func store(_ memory: GuestMemory, _ base: GuestAddress, _ mask: UInt64, _ count: UInt64) throws(GuestMemoryError) {
    var offset: UInt64 = 0
    for index in 0..<count {
        try memory.store(index, at: GuestAddress(base.rawValue &+ offset))
        offset = (offset &+ 8) & mask
    }
}

@inline(never)
func chase(_ memory: GuestMemory, _ start: GuestAddress, _ count: UInt64) throws(GuestMemoryError) -> UInt64 {
    var address = start
    for _ in 0..<count { address = GuestAddress(try memory.load(UInt64.self, at: address)) }
    return address.rawValue
}

@inline(never)
func loadScattered(_ memory: GuestMemory, _ base: GuestAddress, _ mask: UInt64, _ count: UInt64)
    throws(GuestMemoryError) -> UInt64
{
    var sum: UInt64 = 0
    var state: UInt64 = 88_172_645_463_325_252
    for _ in 0..<count {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        sum &+= try memory.load(UInt64.self, at: GuestAddress(base.rawValue &+ (state & mask)))
    }
    return sum
}

@inline(never)
func loadSlice(_ slice: VolatileSlice, _ mask: UInt64, _ count: UInt64) throws(GuestMemoryError) -> UInt64 {
    var sum: UInt64 = 0
    var offset: UInt64 = 0
    for _ in 0..<count {
        sum &+= try slice.load(UInt64.self, atByteOffset: offset)
        offset = (offset &+ 8) & mask
    }
    return sum
}

@inline(never)
func atomicOr(_ memory: GuestMemory, _ base: GuestAddress, _ mask: UInt64, _ count: UInt64) throws(GuestMemoryError)
    -> UInt64
{
    var sum: UInt64 = 0
    var offset: UInt64 = 0
    for index in 0..<count {
        sum &+= try memory.atomicOr(index, at: GuestAddress(base.rawValue &+ offset))
        offset = (offset &+ 8) & mask
    }
    return sum
}

@inline(never)
func copyOut(
    _ memory: GuestMemory, _ base: GuestAddress, _ buffer: UnsafeMutableRawBufferPointer, _ mask: UInt64,
    _ count: UInt64
) throws(GuestMemoryError) {
    var offset: UInt64 = 0
    for _ in 0..<count {
        try memory.read(at: GuestAddress(base.rawValue &+ offset), into: buffer)
        offset = (offset &+ UInt64(buffer.count)) & mask
    }
}

@inline(never)
func collect(_ memory: GuestMemory, _ base: GuestAddress, _ vectors: inout IOVecs, _ mask: UInt64, _ count: UInt64)
    throws(GuestMemoryError) -> UInt64
{
    var sum: UInt64 = 0
    var offset: UInt64 = 0
    for _ in 0..<count {
        vectors.removeAll()
        if let range = GuestRange(start: GuestAddress(base.rawValue &+ offset), byteCount: 8) {
            try memory.appendIOVecs(of: range, to: &vectors)
        }
        sum &+= vectors.byteCount
        offset = (offset &+ 8) & mask
    }
    return sum
}

struct Descriptor: PlainBytes {
    var address: UInt64
    var length: UInt32
    var flags: UInt16
    var next: UInt16
}

@inline(never)
func loadDescriptors(_ memory: GuestMemory, _ base: GuestAddress, _ mask: UInt64, _ count: UInt64)
    throws(GuestMemoryError) -> UInt64
{
    var sum: UInt64 = 0
    var offset: UInt64 = 0
    for _ in 0..<count {
        let descriptor = try memory.loadPlain(as: Descriptor.self, at: GuestAddress(base.rawValue &+ offset))
        sum &+= descriptor.address &+ UInt64(descriptor.length)
        offset = (offset &+ 16) & mask
    }
    return sum
}
