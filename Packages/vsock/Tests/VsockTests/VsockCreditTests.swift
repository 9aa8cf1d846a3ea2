// SPDX-License-Identifier: Apache-2.0
import Testing
import Vsock

@Suite struct VsockCreditTests {
    static func said(buffer: UInt32, forwarded: UInt32) -> VsockHeader {
        VsockHeader(
            sourceCID: 3, destinationCID: 2, sourcePort: 1, destinationPort: 1, operation: .creditUpdate,
            bufferByteCount: buffer, forwardedCount: forwarded)
    }

    @Test("nothing may be sent before the guest said what it has room for")
    func nothingAtFirst() {
        #expect(VsockCredit(bufferByteCount: 4096).peerFreeByteCount == 0)
    }

    @Test("what is on its way counts against the guest's buffer until it was forwarded")
    func outstanding() {
        var credit = VsockCredit(bufferByteCount: 4096)
        credit.hear(Self.said(buffer: 100, forwarded: 0))
        credit.send(60)
        #expect(credit.peerFreeByteCount == 40 && !credit.isEverythingRead)
        credit.hear(Self.said(buffer: 100, forwarded: 50))
        #expect(credit.peerFreeByteCount == 90)
        credit.hear(Self.said(buffer: 100, forwarded: 60))
        #expect(credit.peerFreeByteCount == 100 && credit.isEverythingRead)
    }

    @Test(
        "a guest that contradicts itself gets nothing",
        arguments: [(100, 61), (59, 0), (0, 0), (10, 1 << 31)] as [(UInt32, UInt32)])
    func contradiction(buffer: UInt32, forwarded: UInt32) {
        var credit = VsockCredit(bufferByteCount: 4096)
        credit.hear(Self.said(buffer: 100, forwarded: 0))
        credit.send(60)
        credit.hear(Self.said(buffer: buffer, forwarded: forwarded))
        #expect(credit.peerFreeByteCount == 0)
    }

    @Test("counts wrap at 2^32, and streams go on")
    func wrap() {
        var credit = VsockCredit(bufferByteCount: 1 << 24)
        var forwarded: UInt32 = 0
        credit.hear(Self.said(buffer: 1 << 24, forwarded: 0))
        for _ in 0..<600 {
            #expect(credit.peerFreeByteCount == 1 << 24)
            credit.send(1 << 24)
            #expect(credit.peerFreeByteCount == 0)
            let isTaken = credit.receive(1 << 24)
            let isOverrun = credit.receive(1)
            #expect(isTaken && !isOverrun)
            credit.forward(1 << 24)
            forwarded &+= 1 << 24
            credit.hear(Self.said(buffer: 1 << 24, forwarded: forwarded))
        }
    }

    @Test("the guest may not send more than there is room for")
    func overrun() {
        var credit = VsockCredit(bufferByteCount: 100)
        let result1 = credit.receive(100)
        #expect(result1)
        let result2 = credit.receive(1)
        #expect(!result2)
        credit.forward(30)
        let result3 = credit.receive(31)
        #expect(!result3)
        let result4 = credit.receive(30)
        #expect(result4)
        let result5 = credit.receive(.max)
        #expect(!result5)
    }

    @Test("more than came cannot be forwarded")
    func forwardTooMuch() {
        var credit = VsockCredit(bufferByteCount: 100)
        let result6 = credit.receive(10)
        #expect(result6)
        credit.forward(1000)
        var header = Self.said(buffer: 0, forwarded: 0)
        credit.tell(&header)
        #expect(header.forwardedCount == 10 && header.bufferByteCount == 100)
    }

    @Test("an update is due once a quarter came free, and told again only for the next")
    func updates() {
        var credit = VsockCredit(bufferByteCount: 100)
        let result7 = credit.receive(60)
        #expect(result7)
        credit.forward(24)
        #expect(!credit.isUpdateDue)
        credit.forward(1)
        #expect(credit.isUpdateDue)
        var header = Self.said(buffer: 0, forwarded: 0)
        credit.tell(&header)
        #expect(!credit.isUpdateDue)
    }
}
