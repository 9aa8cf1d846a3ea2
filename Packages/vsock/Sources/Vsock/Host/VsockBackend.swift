// SPDX-License-Identifier: Apache-2.0
public import VMMSysUtil

/// What is at the host's end of connections. Called on the device's thread only; nothing may wait.
///
/// `UnixSocketBackend` is the usual one. Another one can lead connections into the process itself.
public protocol VsockBackend: AnyObject {
    /// Opens the host's end of a connection that the guest asks for.
    /// - Parameters:
    ///   - port: the host's port.
    ///   - type: `.stream` or `.sequencedPacket`.
    /// - Returns: a connected socket, non-blocking, which the device then owns: of `.sequencedPacket` a Unix
    ///   SOCK_SEQPACKET, else one of any kind of streams.
    /// - Throws: `.wouldBlock` to be asked again a little later; anything else refuses the connection.
    func connect(toPort port: UInt32, type: VsockSocketType) throws(Errno) -> FileDescriptor

    /// Lends the listening socket of a type, whose readability means that `accept` has something. Does nothing if
    /// programs cannot open such connections.
    /// - Parameters:
    ///   - type: `.stream` or `.sequencedPacket`.
    ///   - body: called at most once.
    func withListener(_ type: VsockSocketType, _ body: (borrowing FileDescriptor) -> Void)

    /// Takes a program that wants to be connected to the guest, and which will send a `ConnectLine`.
    /// - Parameter type: of a listener that was lent.
    /// - Returns: a connected socket, non-blocking, which the device then owns: of the kind that `connect` has.
    /// - Throws: `.wouldBlock` if there is none.
    func accept(_ type: VsockSocketType) throws(Errno) -> FileDescriptor
}
