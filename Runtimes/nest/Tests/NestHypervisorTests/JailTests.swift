// SPDX-License-Identifier: Apache-2.0
import Glibc
import NestModel
import NestResources
import Synchronization
import Testing
import VMMSysUtil

@testable import NestHypervisor

/// A pod's state, a configuration whose VMM is the fake one, and what the VMM wrote.
final class JailFixture: Sendable {
    let directory = FakeVMM.temporaryDirectory("jail")
    let configuration: NestConfiguration
    let plan: VMPlan
    private let lines = Mutex<[String]>([])

    init(mode: String, bootSeconds: Int = 20) throws {
        var configuration = NestConfiguration()
        configuration.swiftlet = try #require(FakeVMM.path)
        configuration.stateDirectory = directory
        configuration.bootSeconds = bootSeconds
        configuration.kernel = directory + "/kernel"
        configuration.initramfs = directory + "/initramfs"
        configuration.systemImage = directory + "/system.erofs"
        for path in [configuration.kernel, configuration.initramfs, configuration.systemImage] {
            FakeVMM.write("content", to: path)
        }
        FakeVMM.write("image", to: directory + "/image")
        FakeVMM.write("scratch", to: directory + "/scratch")
        chmod(directory + "/scratch", 0o600)
        self.configuration = configuration
        plan = VMPlan(
            sandboxID: "pod_1", vcpuCount: 1, memoryMiB: 128, commandLine: "mode=\(mode)",
            drives: [
                VMDrive(id: "image", path: directory + "/image", isReadOnly: true),
                VMDrive(id: "scratch", path: directory + "/scratch", isReadOnly: false, unlinkOnceOpen: true),
            ])
    }

    deinit { _ = FakeVMM.run(["/bin/rm", "-rf", directory]) }

    func boot(cgroup: HostCgroup? = nil) throws(HypervisorError) -> VirtualMachine {
        try VirtualMachine.boot(
            plan, configuration: configuration, stateDirectory: directory, readyPort: 1026, cgroup: cgroup
        ) { [self] line in lines.withLock { $0.append(line) } }
    }

    /// The error of a boot that must fail.
    func bootError() -> HypervisorError? {
        do throws(HypervisorError) {
            _ = try boot()
            return nil
        } catch { return error }
    }

    /// Waits for a line that begins so, for at most five seconds.
    func line(_ start: String) -> String? {
        for _ in 0..<500 {
            if let line = lines.withLock({ $0.first { $0.hasPrefix(start) } }) { return line }
            usleep(10_000)
        }
        return nil
    }

    var allLines: [String] { lines.withLock { $0 } }
}

func contents(_ path: String) -> String {
    guard let file = fopen(path, "r") else { return "" }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 65536)
    let count = fread(&bytes, 1, bytes.count, file)
    return String(decoding: bytes[..<count], as: UTF8.self)
}

func names(in path: String) -> Set<String> {
    guard let stream = opendir(path) else { return [] }
    defer { closedir(stream) }
    var names: Set<String> = []
    while let entry = readdir(stream) {
        names.insert(
            withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) })
    }
    return names.subtracting([".", ".."])
}

let canJail = getuid() == 0 && access("/dev/kvm", F_OK) == 0

@Suite("Jail", .enabled(if: canJail, "needs root and /dev/kvm"))
struct JailTests {
    @Test("the process has a user of its own, no capability, no new privileges")
    func status() throws {
        let fixture = try JailFixture(mode: "serve")
        let machine = try fixture.boot()
        var fields: [String: String] = [:]
        for line in contents("/proc/\(machine.processID)/status").split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2 { fields[String(parts[0])] = parts[1].split(separator: "\t").joined(separator: " ") }
        }
        let id = "\(machine.userID)"
        #expect(fields["Uid"] == [id, id, id, id].joined(separator: " "))
        #expect(fields["Gid"] == [id, id, id, id].joined(separator: " "))
        #expect(fields["Groups"]?.filter { $0 != " " } == "")
        for name in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] { #expect(fields[name] == "0000000000000000") }
        #expect(fields["NoNewPrivs"] == "1")
        #expect(fields["NSpid"] == "\(machine.processID) 1")
        #expect(fields["SigIgn"] == "0000000000000000")
        #expect(fields["SigBlk"] == "0000000000000000")
        let limits = contents("/proc/\(machine.processID)/limits")
        #expect(limits.contains("Max core file size        0                    0 "))
        #expect(limits.contains("Max open files            2048                 2048 "))
        #expect(machine.userID >= 1_900_000_000)
        machine.release()
    }

    @Test("every namespace but that of users and time is its own")
    func namespaces() throws {
        let fixture = try JailFixture(mode: "serve")
        let machine = try fixture.boot()
        for name in ["mnt", "pid", "net", "ipc", "uts", "cgroup"] {
            #expect(link("/proc/\(machine.processID)/ns/\(name)") != link("/proc/self/ns/\(name)"), "\(name)")
        }
        #expect(contents("/proc/\(machine.processID)/net/dev").split(separator: "\n").count == 3)
        machine.release()
    }

    private func link(_ path: String) -> String {
        var buffer = [CChar](repeating: 0, count: 256)
        let count = readlink(path, &buffer, 255)
        return String(decoding: buffer.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    @Test("its mount table holds its root, its files and nothing of the host; the host's holds nothing of it")
    func mounts() throws {
        let fixture = try JailFixture(mode: "serve")
        let before = contents("/proc/self/mountinfo")
        let machine = try fixture.boot()
        #expect(contents("/proc/self/mountinfo") == before)
        var found: [String: String] = [:]
        for line in contents("/proc/\(machine.processID)/mountinfo").split(separator: "\n") {
            let words = line.split(separator: " ")
            found[String(words[4])] = String(words[5])
        }
        #expect(
            Set(found.keys) == [
                "/", "/dev", "/run", "/vmlinux", "/initramfs", "/system.erofs", "/drives/0", "/drives/1",
            ])
        for (path, options) in found {
            let words = Set(options.split(separator: ",").map(String.init))
            #expect(words.contains("ro") == !["/run", "/drives/1"].contains(path), "\(path): \(options)")
            #expect(words.isSuperset(of: ["nosuid", "noexec"]), "\(path): \(options)")
            #expect(words.contains("nodev") == (path != "/dev"), "\(path): \(options)")
        }
        machine.release()
        #expect(contents("/proc/self/mountinfo") == before)
    }

    @Test("it sees only its files and can change nothing but its scratch disk and /run")
    func look() throws {
        let fixture = try JailFixture(mode: "look")
        let machine = try fixture.boot()
        #expect(fixture.line("attempt proc") == "attempt proc: No such file or directory")
        let entries = Set(fixture.allLines.filter { $0.hasPrefix("entry ") }.map { String($0.dropFirst(6)) })
        // The shim's own socket is made at about the moment in which it looks.
        #expect(
            entries.subtracting(["/run/vsock.sock_1026"]) == [
                "//dev", "//run", "//drives", "//vmlinux", "//initramfs", "//system.erofs", "//config.json", "/dev/kvm",
                "/drives/0", "/drives/1",
            ])
        #expect(fixture.line("attempt root file") == "attempt root file: Read-only file system")
        #expect(fixture.line("attempt kvm") == "attempt kvm: done")
        #expect(fixture.line("attempt chroot") == "attempt chroot: Operation not permitted")
        #expect(fixture.line("attempt setuid") == "attempt setuid: Operation not permitted")
        #expect(fixture.line("attempt write drive 0") == "attempt write drive 0: Permission denied")
        #expect(fixture.line("attempt write drive 1") == "attempt write drive 1: done")
        #expect(fixture.line("pid ") == "pid 1 uid \(machine.userID) gid \(machine.userID)")
        #expect(
            names(in: "/proc/\(machine.processID)/root") == [
                "dev", "run", "drives", "vmlinux", "initramfs", "system.erofs", "config.json",
            ])
        #expect(access(fixture.directory + "/scratch", F_OK) != 0, "a scratch disk has no name once it is open")
        machine.release()
    }

    @Test("only the standard streams are open before it opens anything itself")
    func descriptors() throws {
        let leaked = open("/etc/passwd", O_RDONLY)
        defer { close(leaked) }
        let fixture = try JailFixture(mode: "serve")
        let machine = try fixture.boot()
        // 3 is its listener.
        usleep(50_000)
        #expect(names(in: "/proc/\(machine.processID)/fd").isSubset(of: ["0", "1", "2", "3", "4"]))
        machine.release()
    }

    @Test("two VMs have different users, and a user comes free with its VM")
    func users() throws {
        let (first, second) = (try JailFixture(mode: "serve"), try JailFixture(mode: "serve"))
        let one = try first.boot()
        // The same state directory, as on a real host.
        let other = try VirtualMachine.boot(
            second.plan, configuration: first.configuration, stateDirectory: second.directory, readyPort: 1026,
            cgroup: nil
        ) { _ in }
        #expect(one.userID != other.userID)
        one.release()
        other.release()
        #expect(names(in: first.directory + "/users").isEmpty)
    }

    @Test("each step that fails is named")
    func steps() throws {
        let fixture = try JailFixture(mode: "serve")
        var configuration = fixture.configuration
        configuration.swiftlet = "/bin/ls"
        let error = boot(fixture, configuration)
        #expect(error == .jail(step: .execute, subject: "/bin/ls", .noSuchFile))
        #expect(
            error?.description
                == "cannot start the VMM: execute /bin/ls: No such file or directory (ENOENT): is it a static executable?"
        )
        chmod(fixture.configuration.systemImage, 0o600)
        #expect(fixture.bootError() == .unreadable(path: fixture.configuration.systemImage))
        unlink(fixture.configuration.kernel)
        #expect(fixture.bootError() == .file(operation: "open", path: fixture.configuration.kernel, .noSuchFile))
        #expect(names(in: fixture.directory + "/users").isEmpty)
        #expect(!names(in: fixture.directory).contains("root"))
    }

    private func boot(_ fixture: JailFixture, _ configuration: NestConfiguration) -> HypervisorError? {
        do throws(HypervisorError) {
            _ = try VirtualMachine.boot(
                fixture.plan, configuration: configuration, stateDirectory: fixture.directory, readyPort: 1026,
                cgroup: nil
            ) { _ in }
            return nil
        } catch { return error }
    }
}
