// SPDX-License-Identifier: Apache-2.0
import Glibc
import NestModel
import NestResources
import Testing
import VMMSysUtil

@testable import NestHypervisor

@Suite("Virtual machine", .enabled(if: canJail, "needs root and /dev/kvm"))
struct VirtualMachineTests {
    private func connectError(
        _ machine: VirtualMachine, port: UInt32, milliseconds: Int = 200
    ) -> HypervisorError? {
        do throws(HypervisorError) {
            _ = try machine.connect(port: port, timeout: .milliseconds(milliseconds))
            return nil
        } catch { return error }
    }

    @Test("a connection has the port that the VMM names, and every byte behind the answer")
    func connect() throws {
        let fixture = try JailFixture(mode: "serve")
        let machine = try fixture.boot()
        let plain = try machine.connect(port: 1024, timeout: .seconds(5))
        #expect(plain.hostPort == 1_073_741_824)
        let early = try machine.connect(port: 10, timeout: .seconds(5))
        var bytes = [UInt8](repeating: 0, count: 5)
        #expect(read(early.descriptor.rawValue, &bytes, 5) == 5)
        #expect(bytes == Array("hello".utf8))
        machine.release()
    }

    @Test("a port where nobody listens is tried until somebody does, or the time is over")
    func retry() throws {
        let fixture = try JailFixture(mode: "late")
        let machine = try fixture.boot()
        #expect(try machine.connect(port: 1024, timeout: .seconds(5)).hostPort == 1_073_741_824)
        #expect(connectError(machine, port: 9) == .notListening(port: 9))
        #expect(connectError(machine, port: 13) == .notListening(port: 13))
        machine.release()
    }

    @Test(
        "a guest that tells that it answers ends the wait for it, and one that does not delays it by no more than asked"
    )
    func ready() throws {
        let fixture = try JailFixture(mode: "ready")
        let machine = try fixture.boot()
        let begin = Deadline.now
        machine.waitForGuest(timeout: .seconds(20))
        #expect(begin.elapsed < .seconds(10))
        let again = Deadline.now
        machine.waitForGuest(timeout: .milliseconds(50))
        #expect(again.elapsed >= .milliseconds(50))
        machine.release()
    }

    @Test("an answer outside the protocol is refused")
    func badAnswers() throws {
        let fixture = try JailFixture(mode: "serve")
        let machine = try fixture.boot()
        #expect(connectError(machine, port: 11) == .badAnswer(port: 11))
        #expect(connectError(machine, port: 12) == .badAnswer(port: 12))
        machine.release()
    }

    @Test("a link or a file where the socket should be is never followed", arguments: ["link", "file"])
    func forged(mode: String) throws {
        let fixture = try JailFixture(mode: mode)
        #expect(fixture.bootError() == .forgedSocket("vsock.sock"))
        #expect(names(in: fixture.directory + "/users").isEmpty)
    }

    @Test("a VMM that ends at once is reported with its status and its words")
    func endsAtOnce() throws {
        let fixture = try JailFixture(mode: "end")
        guard case .ended(let end, let lines) = fixture.bootError() else {
            Issue.record("it did not fail so")
            return
        }
        #expect(end == .exited(status: 7))
        #expect(lines.last == "swiftlet: no such kernel")
    }

    @Test("a VMM that never answers is killed when its time is over")
    func silent() throws {
        let fixture = try JailFixture(mode: "silent", bootSeconds: 1)
        guard case .noAnswer(seconds: 1, _) = fixture.bootError() else {
            Issue.record("it did not fail so")
            return
        }
        #expect(names(in: fixture.directory + "/users").isEmpty)
    }

    @Test("its end is told to all who wait, and connections fail from then on")
    func end() throws {
        let fixture = try JailFixture(mode: "serve")
        let machine = try fixture.boot()
        #expect(machine.end == nil)
        _ = connectError(machine, port: 14)
        #expect(machine.wait() == .exited(status: 9))
        #expect(machine.wait() == .exited(status: 9))
        #expect(connectError(machine, port: 1024) == .ended(.exited(status: 9), lines: []))
        machine.kill()
        machine.release()
        machine.release()
    }

    @Test("kill ends it by signal 9, process 1 of its namespace though it is")
    func kill() throws {
        let fixture = try JailFixture(mode: "serve")
        let machine = try fixture.boot()
        machine.kill()
        #expect(machine.wait() == .signalled(9))
        #expect(Glibc.kill(machine.processID, 0) != 0)
        machine.release()
        #expect(!names(in: fixture.directory).contains("root"))
    }

    @Test("a flood of lines is cut and counted")
    func flood() throws {
        let fixture = try JailFixture(mode: "flood")
        let machine = try fixture.boot()
        machine.release()
        usleep(300_000)
        #expect(fixture.allLines.count < 20_000)
        #expect(fixture.allLines.contains { $0.hasSuffix("lines dropped: more than 200 a second)") })
    }

    @Test("it joins the cgroup before it runs")
    func cgroup() throws {
        let fixture = try JailFixture(mode: "serve")
        let cgroup = try HostCgroup(path: "/nest-test-\(getpid())/vm")
        let machine = try fixture.boot(cgroup: cgroup)
        for file in cgroup.memberFiles {
            #expect(contents(file).split(separator: "\n").contains("\(machine.processID)"), "\(file)")
        }
        machine.release()
        try cgroup.remove()
        for file in cgroup.memberFiles { #expect(access(file, F_OK) != 0) }
    }
}

@Suite("What the VMM is told")
struct VMMConfigurationTests {
    private func make(_ change: (inout VMPlan) -> Void = { _ in }) throws(HypervisorError) -> VMMConfiguration {
        var plan = VMPlan(
            sandboxID: "a_b.c", vcpuCount: 2, memoryMiB: 320, commandLine: "a=\"b\\c\" \u{1}",
            drives: [VMDrive(id: "root", path: "/x/image", isReadOnly: true)])
        change(&plan)
        return try VMMConfiguration(plan, NestConfiguration(prefix: "/p"))
    }

    @Test("the configuration has the system image first, escapes texts, and names files as the jail has them")
    func json() throws {
        let configuration = try make()
        #expect(
            configuration.json == #"""
                {"boot-source":{"kernel_image_path":"/vmlinux","initrd_path":"/initramfs","boot_args":"a=\"b\\c\" \u0001"},"drives":[{"drive_id":"system","path_on_host":"/system.erofs","is_root_device":false,"is_read_only":true},{"drive_id":"root","path_on_host":"/drives/0","is_root_device":false,"is_read_only":true}],"machine-config":{"vcpu_count":2,"mem_size_mib":320},"vsock":{"guest_cid":3,"uds_path":"/run/vsock.sock"},"entropy":{}}
                """#)
        #expect(configuration.arguments.contains("a-b-c"))
        #expect(!configuration.arguments.contains("--no-seccomp"))
        #expect(
            configuration.files.map(\.source) == [
                "/p/lib/nest/vmlinux", "/p/lib/nest/initramfs", "/p/lib/nest/system.erofs", "/x/image",
            ])
    }

    @Test("a plan that the VMM would not take is refused before anything is made")
    func refused() {
        let changes: [@Sendable (inout VMPlan) -> Void] = [
            { $0.vcpuCount = 0 }, { $0.vcpuCount = 33 }, { $0.memoryMiB = 0 }, { $0.drives[0].id = "a\"b" },
            { $0.drives[0].id = "" }, { $0.drives[0].id = "system" }, { $0.drives[0].path = "relative" },
            { $0.drives[0].path = "/a\0b" },
        ]
        for change in changes {
            do throws(HypervisorError) {
                _ = try make(change)
                Issue.record("it was taken")
            } catch {
                guard case .badPlan = error else {
                    Issue.record("\(error)")
                    continue
                }
            }
        }
    }

    @Test("lines are cut, and their control characters taken out")
    func lines() {
        var assembler = LineAssembler()
        var lines: [String] = []
        assembler.add(Array("one\r\n\u{1B}[31mtwo\n\nthr".utf8)) { lines.append($0) }
        assembler.add(Array(repeating: UInt8(ascii: "x"), count: 5000) + Array("\nlast".utf8)) { lines.append($0) }
        assembler.finish { lines.append($0) }
        #expect(lines.count == 4)
        #expect(lines[0] == "one")
        #expect(lines[1] == " [31mtwo")
        #expect(lines[2].utf8.count == 1028)
        #expect(lines[3] == "last")
    }
}
