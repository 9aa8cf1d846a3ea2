// SPDX-License-Identifier: Apache-2.0
public import VirtioQueue

/// The features of a socket device (virtio 1.3, 5.10.3).
extension VirtioFeatures {
    /// VIRTIO_VSOCK_F_STREAM: stream sockets.
    public static let vsockStream = bit(0)
    /// VIRTIO_VSOCK_F_SEQPACKET: packet sockets.
    public static let vsockSequencedPacket = bit(1)
    /// VIRTIO_VSOCK_F_NO_IMPLIED_STREAM: no stream sockets but by `vsockStream`.
    public static let vsockNoImpliedStream = bit(2)

    /// Whether a driver that accepted these features may use sockets of a type. 5.10.3: without any of the three it has
    /// streams. A driver that knows of packets alone, as Linux's, has streams too, unless it says otherwise.
    func allows(_ type: VsockSocketType) -> Bool {
        switch type {
        case .stream: contains(.vsockStream) || !contains(.vsockNoImpliedStream)
        case .sequencedPacket: contains(.vsockSequencedPacket)
        case .other: false
        }
    }
}
