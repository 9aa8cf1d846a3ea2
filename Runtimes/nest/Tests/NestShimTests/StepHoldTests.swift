// SPDX-License-Identifier: Apache-2.0
import Glibc
import NestModel
import NestShim
import Synchronization
import Testing
import VMMSysUtil

struct StepHoldTests {
    @Test("a step waits while the file names it and its container, and no other does")
    func holds() throws {
        let path = "/tmp/nest-hold-\(getpid())"
        defer { unlink(path) }
        let text = Array("web boot\n".utf8)
        let file = try FileDescriptor.open(path, [.writeOnly, .create], mode: 0o600)
        try text.withUnsafeBytes { try file.writeAll(from: $0) }
        func run(_ container: String, _ step: PodStep) {
            let hold = StepHold(path: path, container: container)
            StepClock(log: ShimLog(path: nil, subject: container), hold: hold).run(step) {}
        }
        let isReleased = Atomic(false)
        let others = ContinuousClock().measure {
            run("web", .agent)
            run("other", .boot)
        }
        // One that is held would be for two minutes.
        #expect(others < .seconds(60))
        let remover = try Thread(name: "remover") {
            usleep(300_000)
            isReleased.store(true, ordering: .sequentiallyConsistent)
            unlink(path)
        }
        run("web", .boot)
        let wasHeld = isReleased.load(ordering: .sequentiallyConsistent)
        #expect(wasHeld)
        try remover.join()
    }
}
