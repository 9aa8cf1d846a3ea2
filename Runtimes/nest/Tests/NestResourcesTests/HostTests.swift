// SPDX-License-Identifier: Apache-2.0
import Glibc
import NestResources
import Testing
import VMMSysUtil

@Suite("Scratch disks", .enabled(if: getuid() == 0, "needs root"))
struct ScratchDiskTests {
    @Test("a disk is an empty ext4 of the configured size that takes no room, and two are not one")
    func make() throws {
        let fixture = LayerFixture { $0.scratchMiB = 10240 }
        let first = try ScratchDisk.make(fixture.configuration, name: "a")
        let second = try ScratchDisk.make(fixture.configuration, name: "b")
        #expect(first != second)
        for path in [first, second] {
            #expect(fixture.shell("stat -c '%s %a' \(path)") == "10737418240 600\n")
            #expect((Int(fixture.shell("du -k \(path) | cut -f1").dropLast()) ?? .max) < 512)
            #expect(fixture.shell("/usr/sbin/e2fsck -fn \(path) >/dev/null 2>&1; echo $?") == "0\n")
        }
        // What a dead pod of that name left is not its successor's.
        #expect(fixture.shell("echo old > \(first)") == "")
        #expect(try ScratchDisk.make(fixture.configuration, name: "a") == first)
        #expect(fixture.shell("stat -c %s \(first)") == "10737418240\n")
        let features = fixture.shell("/usr/sbin/dumpe2fs -h \(first) 2>/dev/null | grep features:")
        #expect(!features.contains("has_journal"))
    }

    @Test("a template of another size is another template")
    func sizes() throws {
        let fixture = LayerFixture { $0.scratchMiB = 16 }
        let small = try ScratchDisk.make(fixture.configuration, name: "a")
        #expect(fixture.shell("stat -c %s \(small)") == "16777216\n")
        var larger = fixture.configuration
        larger.scratchMiB = 32
        #expect(fixture.shell("stat -c %s \(try ScratchDisk.make(larger, name: "b"))") == "33554432\n")
    }

    @Test("a directory that cannot be made is named")
    func refused() {
        let fixture = LayerFixture { $0.scratchDirectory = "/proc/nothing" }
        do throws(ScratchDiskError) {
            _ = try ScratchDisk.make(fixture.configuration, name: "a")
            Issue.record("it was made")
        } catch {
            #expect(
                error.description.hasPrefix("cannot make the template of scratch disks /proc/nothing/template-10240"))
        }
    }
}

@Suite("Cgroups")
struct HostCgroupTests {
    private func path(_ text: String) -> String {
        do throws(CgroupError) { return try HostCgroup.path(of: text) } catch { return error.description }
    }

    @Test(
        "paths are taken as specifications write them",
        arguments: [
            ("/default/web", "/default/web"), ("default//web/", "/default/web"),
            ("system.slice:cri:abc", "/system.slice/cri-abc.scope"), (":cri:abc", "/system.slice/cri-abc.scope"),
            (
                "kubepods-burstable-pod1.slice:cri:a",
                "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice/cri-a.scope"
            ),
            ("-.slice:nest:b", "/nest-b.scope"), ("a.slice:x:y.slice", "/a.slice/y.slice"),
            ("", "'' is no path of a cgroup"), ("/a/../../b", "'/a/../../b' is no path of a cgroup"),
            ("/", "'/' is no path of a cgroup"), ("a:b:", "'a:b:' is no path of a cgroup"),
            ("a/b.slice:c:d", "'a/b.slice:c:d' is no path of a cgroup"),
            ("a--b.slice:c:d", "'a--b.slice' is no path of a cgroup"),
            ("bad:c:d", "'bad' is no path of a cgroup"),
        ])
    func paths(row: (text: String, path: String)) { #expect(path(row.text) == row.path) }

    @Test(
        "it is made with its parents, limits, counts, and is removed with what it made",
        .enabled(if: getuid() == 0, "needs root"))
    func life() throws {
        let name = "nest-test-\(getpid())"
        let cgroup = try HostCgroup(path: "/\(name)/inner")
        try cgroup.setMemoryMaximum(bytes: 64 << 20)
        #expect(cgroup.statistics.memoryLimitBytes == 64 << 20)
        #expect(cgroup.oomKillCount == 0)
        // A group with ourselves in it can be removed all the same.
        try cgroup.join(processID: getpid())
        #expect(cgroup.statistics.processCount > 0)
        #expect(contents("/proc/self/cgroup").contains("/\(name)/inner"))
        let files = cgroup.memberFiles
        try cgroup.remove()
        #expect(!contents("/proc/self/cgroup").contains(name))
        for file in files {
            #expect(access(file, F_OK) != 0)
            #expect(
                access(String(file.dropLast("/inner/cgroup.procs".utf8.count)), F_OK) != 0,
                "the parent is left: \(file)")
        }
        try cgroup.remove()
    }
}
