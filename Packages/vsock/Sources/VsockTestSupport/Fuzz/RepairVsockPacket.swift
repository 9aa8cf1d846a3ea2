// SPDX-License-Identifier: Apache-2.0
internal import Vsock

/// Makes a packet from the guest to the host of an input of `fuzzVsockPacket`, in place: with addresses, a type and a
/// length that can be true, the rest as it was. For a mutator, which would mostly break one of them.
public func repairVsockPacket(_ bytes: UnsafeMutableRawBufferPointer) {
    guard bytes.count > 2 else { return }
    let header = 2 + Int(bytes[1] % 8)
    let payload = header + VsockHeader.byteCount
    guard bytes.count >= payload else { return }
    func field(_ offset: Int) -> UInt32 {
        UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: header + offset, as: UInt32.self))
    }
    func set(_ offset: Int, _ value: UInt32) {
        bytes.storeBytes(of: value.littleEndian, toByteOffset: header + offset, as: UInt32.self)
    }
    // virtio 1.2, 5.10.6: source and destination CID, 64 bits each.
    for (index, value) in [3, 0, 2, 0].enumerated() { set(4 * index, UInt32(value)) }
    // The payload may be as long as is said, whatever came, if the input says so.
    let room = bytes[0] & 2 != 0 ? 0xffff : bytes.count - payload
    if field(24) > room { set(24, field(24) % UInt32(room + 1)) }
    if !(1...2).contains(field(28) & 0xffff) { set(28, field(28) & 0xffff_0000 | 1) }
}
