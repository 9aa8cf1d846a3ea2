// SPDX-License-Identifier: Apache-2.0
internal import NestSandbox
internal import VMMSysUtil

/// Starts a thread that waits or relays. Hosts that give every large mapping huge pages give one to each stack of the usual
/// 8 MiB, which is 2 MiB of memory for a few kilobytes.
func startThread(_ name: String, _ body: @escaping @Sendable () -> Void) throws(Errno) {
    _ = try Thread(name: name, stackByteCount: 512 << 10, body)
}

/// The same for a thread that does nothing but carry what a guest sends: it may do less.
func startGuestThread(_ name: String, _ body: @escaping @Sendable () -> Void) throws(Errno) {
    try startThread(name) {
        Confinement.narrow(.shimGuest)
        body()
    }
}
