// SPDX-License-Identifier: Apache-2.0
import Glibc
import Testing
import VirtioDevicesTestSupport
import Vsock
import VsockTestSupport

/// The socket device behind the registers of the machine. Its package knows no transport, so the laws that every device keeps
/// are checked here. `SWEEP=all` plays each case of the sweep; else so many are drawn, by `SEED`.
@Suite struct SocketSweepTests {
    private let backend: PairBackend
    private let guestCID: GuestCID

    init() throws {
        backend = try PairBackend()
        guestCID = try #require(GuestCID(3))
    }

    private func make() -> VsockDevice {
        var options = VsockOptions()
        options.queueSize = 16
        return VsockDevice(guestCID: guestCID, backend: backend, options: options)
    }

    @Test("the socket device obeys the laws of devices")
    func laws() throws {
        #expect(try checkVirtioDevice { make() } == [])
    }

    @Test("no register and no field of a ring takes the socket device from the driver for longer than to its reset")
    func sweep() throws {
        let all = getenv("SWEEP").map { String(cString: $0) } == "all"
        let seed = getenv("SEED").flatMap { UInt64(String(cString: $0)) } ?? 1
        let result = try sweepVirtioDevice(seed: seed, limit: all ? nil : 400) { make() }
        #expect(result.findings == [], "seed \(seed)")
        #expect(result.caseCount >= 400)
    }
}
