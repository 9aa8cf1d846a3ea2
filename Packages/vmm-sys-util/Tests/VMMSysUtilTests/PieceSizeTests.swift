// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMSysUtil

@Suite struct PieceSizeTests {
    @Test("each refusal halves the offer, down to a page")
    func halves() {
        var size = PieceSize(20_000)
        var offers = [size.byteCount]
        for _ in 0..<4 {
            let isPatient = size.wasRefused()
            #expect(isPatient)
            offers.append(size.byteCount)
        }
        #expect(offers == [20_000, 10_000, 5_000, 4096, 4096])
    }

    @Test("a page that is refused for too long is given up, unless something was taken meanwhile")
    func patience() {
        var size = PieceSize(100, patience: .milliseconds(20))
        let begin = Deadline.now
        while size.wasRefused() {}
        #expect(begin.elapsed >= .milliseconds(20))
        #expect(size.byteCount == 100)
        size.wasTaken()
        let isPatient = size.wasRefused()
        #expect(isPatient)
    }
}
