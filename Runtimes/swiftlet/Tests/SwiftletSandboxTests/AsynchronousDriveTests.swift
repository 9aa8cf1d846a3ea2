// SPDX-License-Identifier: Apache-2.0
import Glibc
import Seccompiler
import SwiftletVMM
import Synchronization
import Testing
import VMMSysUtil

@Suite struct AsynchronousDriveTests {
    @Test("where there is no io_uring, an asynchronous drive says so in a line and works without")
    func fallsBack() async {
        // In a process of its own, since its filter stays.
        await #expect(processExitsWith: .success) {
            let disk = try FileDescriptor.temporaryFile()
            try [UInt8](repeating: 0, count: 4096).withUnsafeBytes { try disk.writeAll(from: $0) }
            try BPFProgram([
                Instruction(code: 0x20, operand: 0),
                Instruction(
                    code: 0x15, ifTrue: 0, ifFalse: 1,
                    operand: try #require(Architecture.x86_64.syscallNumber("io_uring_setup"))),
                Instruction(code: 0x06, operand: Action.errno(UInt16(EPERM)).returnValue),
                Instruction(code: 0x06, operand: Action.allow.returnValue),
            ]).install()
            let notices = Mutex<[String]>([])
            let settings = VMSettings { line in notices.withLock { $0.append(line) } }
            let controller = try APIController(settings, info: InstanceInfo(id: "test", version: "1"))
            let body =
                #"{"drive_id":"a","is_root_device":false,"path_on_host":"/proc/self/fd/\#(disk.rawValue)","io_engine":"Async"}"#
            let answer = controller.respond(
                to: HTTPRequest(method: "PUT", path: "/drives/a", body: Array(body.utf8)))
            let expected = [
                "drive a: io_uring: cannot make a ring: Operation not permitted (EPERM); it does one request after the other, as with Sync"
            ]
            exit(answer.status == 204 && notices.withLock { $0 } == expected ? 0 : 1)
        }
    }
}
