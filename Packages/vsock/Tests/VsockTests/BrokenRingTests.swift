// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMSysUtil
import VirtioQueue
import VirtioQueueTestSupport
import Vsock
import VsockTestSupport

/// Rings that are broken as such, so that nothing in them can be trusted (virtio 1.2, 2.1.2), in both formats.
@Suite(.bothRings) struct BrokenRingTests {
    private func breakRing(_ ring: any RingDriver) throws {
        if let ring = ring as? DriverQueue { try ring.setAvailableIndex(ring.availableIndex &+ 0x4000) }
        try breakPacked(ring)
    }

    /// A chain that goes on in a slot that was not offered.
    private func breakPacked(_ ring: any RingDriver) throws {
        if let ring = ring as? PackedDriverQueue {
            try ring.setDescriptor(ring.nextAvailable, ring.heap, byteCount: 64, id: 0, flags: 1)
        }
    }

    @Test(
        "whichever ring is broken, the device asks for a reset, lets every program go and leaves the rings alone until then",
        arguments: [0, 1, 2])
    func anyRing(index: Int) throws {
        let rig = try Rig()
        // Rings with nothing in them that would be taken first.
        rig.guest.refills = false
        try rig.guest.restart()
        rig.guest.notify(2)
        let program = try rig.backend.connect()
        try program.send("CONNECT 7\n")
        rig.guest.loop.runOnce()
        // An RST is owed, so that there is something to say.
        try rig.guest.send(rig.guest.header(.data, port: 1, hostPort: 2))
        #expect(!rig.guest.interrupt.didNeedReset && rig.device.connectionCount == 1)
        let rings = [rig.guest.receiveQueue, rig.guest.transmitQueue, rig.guest.eventQueue]
        try breakRing(rings[index])
        rig.guest.notify(UInt16(index))
        #expect(rig.guest.interrupt.didNeedReset)
        #expect(rig.device.connectionCount == 0 && rig.guest.loop.watchCount == 0)
        #expect(try program.receive() == nil)
        // What others do now is not looked at.
        let late = try rig.backend.connect()
        try late.send("CONNECT 7\n")
        while try rings[1].takeBack() != nil {}
        try rings[1].send(chain: [rings[1].buffer(of: rig.guest.header(.data, port: 3, hostPort: 4).bytes)])
        for number in 0..<4 as Range<UInt16> { rig.guest.notify(number) }
        rig.guest.loop.runOnce()
        #expect(try rings[1].takeBack() == nil)
        #expect(try late.receive() == [])
        rig.guest.refills = true
        rig.guest.listening = [7]
        try rig.guest.restart()
        let next = try rig.guest.connect(toHostPort: 52)
        try rig.guest.run()
        #expect(next.phase == .established)
        #expect(try late.receive()?.starts(with: "OK ".utf8) == true)
    }

    @Test("what was answered before a ring broke is signalled all the same", arguments: [0, 1] as [UInt16])
    func answeredBefore(index: UInt16) throws {
        let rig = try Rig()
        rig.guest.refills = false
        try rig.guest.restart()
        let ring = index == 0 ? rig.guest.receiveQueue : rig.guest.transmitQueue
        // To nobody: an RST is owed, for which there is room in the one case and none in the other.
        let stray = rig.guest.header(.data, port: 1, hostPort: 2)
        if index == 0 {
            try rig.guest.send(stray)
            try ring.send(chain: [ring.buffer(room: 100)])
        } else {
            try rig.guest.put(stray)
        }
        if let ring = ring as? DriverQueue {
            // A head that the table does not have.
            try ring.offer(0xffff)
            try ring.publish()
        }
        try breakPacked(ring)
        let before = rig.guest.interrupt.count(ofQueue: index)
        rig.guest.notify(index)
        #expect(try ring.takeBack() != nil)
        #expect(rig.guest.interrupt.didNeedReset)
        #expect(rig.guest.interrupt.count(ofQueue: index) == before + 1)
    }
}
