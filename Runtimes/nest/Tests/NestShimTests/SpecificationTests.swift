// SPDX-License-Identifier: Apache-2.0
import NestModel
import NestProtocols
import SwiftProtobuf
import Testing

@testable import NestShim

@Suite("A bundle's specification")
struct BundleSpecificationTests {
    private func refusal(_ change: (inout OCISpec) -> Void) throws -> String? {
        var spec = try OCISpec(jsonString: ShimUnderTest.plain)
        change(&spec)
        do {
            _ = try Specification(
                json: try spec.jsonUTF8Bytes(), path: "config.json", bundle: "/b", id: "c1")
            return nil
        } catch { return "\(error)" }
    }

    @Test("what nest does not do is refused by its name")
    func refusals() throws {
        #expect(try refusal { _ in } == nil)
        func mount(_ type: String, _ source: String, _ options: [String]) -> OCIMount {
            var mount = OCIMount()
            mount.type = type
            mount.source = source
            mount.destination = "/x"
            mount.options = options
            return mount
        }
        let cases: [(String, (inout OCISpec) -> Void)] = [
            ("second container", { $0.annotations["io.kubernetes.cri.container-type"] = "container" }),
            ("/run/netns/a", { $0.linux.namespaces[4].path = "/run/netns/a" }),
            ("--net-host", { $0.linux.namespaces.removeLast() }),
            ("pid: /proc/1/ns/pid", { $0.linux.namespaces[0].path = "/proc/1/ns/pid" }),
            ("no pid namespace", { $0.linux.namespaces.removeFirst() }),
            (
                "user namespaces",
                {
                    var namespace = OCILinuxNamespace()
                    namespace.type = "user"
                    $0.linux.namespaces.append(namespace)
                }
            ),
            ("/etc/hosts at /x", { $0.mounts.append(mount("bind", "/etc/hosts", ["rbind"])) }),
            ("/data at /x", { $0.mounts.append(mount("none", "/data", ["bind"])) }),
            ("\"nfs\"", { $0.mounts.append(mount("nfs", "host:/", [])) }),
            (
                "/dev/kvm",
                {
                    var device = OCILinuxDevice()
                    device.path = "/dev/kvm"
                    $0.linux.devices.append(device)
                }
            ),
            (
                "--privileged",
                {
                    var rule = OCILinuxDeviceCgroup()
                    rule.allow = true
                    rule.access = "rwm"
                    $0.linux.resources.devices.append(rule)
                }
            ),
            (
                "--privileged",
                {
                    $0.linux.maskedPaths = []
                    $0.process.capabilities.bounding = ["CAP_SYS_ADMIN", "CAP_SYS_MODULE", "CAP_SYS_RAWIO"]
                }
            ),
            (
                "createRuntime: /hook",
                {
                    var hook = OCIHook()
                    hook.path = "/hook"
                    $0.hooks.createRuntime.append(hook)
                }
            ),
            ("process.args", { $0.process.args = [] }),
        ]
        for (words, change) in cases {
            let text = try #require(try refusal(change))
            #expect(text.contains(words) && !text.contains("\n"))
        }
    }

    @Test(
        "what the agent's protocol cannot carry is refused by its path; empty or unknown members are not",
        arguments: [
            ("", #"{"process":{"scheduler":{"policy":"SCHED_FIFO"}}}"#, "process.scheduler" as String?),
            ("", #"{"process":{"ioPriority":{"class":"IOPRIO_CLASS_BE"}}}"#, "process.ioPriority"),
            ("", #"{"linux":{"resources":{"rdma":{"mlx5_1":{"hcaHandles":3}}}}}"#, "linux.resources.rdma"),
            ("", #"{"linux":{"personality":{"domain":"LINUX32"}}}"#, "linux.personality"),
            ("", #"{"domainname":"example.org"}"#, "domainname"),
            ("process", #"{"scheduler":{"policy":"SCHED_FIFO"}}"#, "process.scheduler"),
            ("linux.resources", #"{"rdma":{"mlx5_1":{"hcaHandles":3}}}"#, "linux.resources.rdma"),
            ("", #"{"linux":{"resources":{"rdma":{}},"timeOffsets":null},"domainname":""}"#, nil),
            ("", #"{"dom\u0061inname":"d"}"#, "domainname"),
            ("process", #"{"args":["\u003c"],"ioPriorit\u0079":{"class":"IOPRIO_CLASS_RT"}}"#, "process.ioPriority"),
            ("", #"{"process":{"args":["\u003c"]}}"#, nil),
            ("", #"{"scheduler":1,"linux":{"scheduler":{"a":1},"other":[1]},"process":{"args":["scheduler"]}}"#, nil),
        ])
    func unread(root: String, json: String, refused: String?) {
        var error: SpecificationError?
        do throws(SpecificationError) { try UnreadMembers.check(Array(json.utf8), at: root) } catch let caught {
            error = caught
        }
        #expect(error == refused.map { .unsupported($0) })
    }

    @Test(
        "whatever stands beside it, such a member is never passed over", arguments: [1, 20, 40, 50, 60, 90, 101, 300])
    func nesting(depth: Int) throws {
        for (open, close) in [("[", "]"), (#"{"a":"#, "}")] {
            let nested = String(repeating: open, count: depth) + "1" + String(repeating: close, count: depth)
            let json = ShimUnderTest.plain.replacing(
                #""hostname""#, with: #""new":\#(nested),"domainname":"d","hostname""#)
            #expect(throws: SpecificationError.self) {
                try Specification(json: Array(json.utf8), path: "config.json", bundle: "/b", id: "c1")
            }
        }
    }

    @Test("what only the host's kernel has is left out, and each is noted")
    func rewriting() throws {
        var spec = try OCISpec(jsonString: ShimUnderTest.plain)
        spec.process.apparmorProfile = "p"
        spec.process.selinuxLabel = "l"
        spec.linux.resources.memory.limit = 64 << 20
        spec.linux.seccomp.defaultAction = "SCMP_ACT_ERRNO"
        let read = try Specification(
            json: try spec.jsonUTF8Bytes(), path: "config.json", bundle: "/b", id: "c1")
        #expect(read.notes.count == 2)
        #expect(read.guest.process.apparmorProfile.isEmpty && read.guest.process.selinuxLabel.isEmpty)
        #expect(read.guest.linux.resources.memory.limit == 64 << 20)
        #expect(read.guest.linux.seccomp.defaultAction == "SCMP_ACT_ERRNO")
        #expect(read.rootDirectory == "/b/rootfs" && read.cgroupPath == "/n/c1")
    }

    @Test(
        "limits that name what only the host has are refused by name, and zeros are none",
        arguments: [
            (#"{"cpu":{"cpus":"0-3"}}"#, "choosing the host's processors (linux.resources.cpu.cpus: 0-3)"),
            (#"{"cpu":{"mems":"1"}}"#, "choosing the host's memory nodes (linux.resources.cpu.mems: 1)"),
            (#"{"blockIO":{"weight":10}}"#, "limits of the host's disks (linux.resources.blockIO)"),
            (
                #"{"hugepageLimits":[{"pageSize":"1GB","limit":0},{"pageSize":"2MB","limit":2097152}]}"#,
                "huge pages (linux.resources.hugepageLimits: 2MB)"
            ),
            (#"{"network":{"classID":7}}"#, "network classes (linux.resources.network)"),
            (#"{"hugepageLimits":[{"pageSize":"2MB","limit":0}],"blockIO":{},"network":{}}"#, nil),
        ])
    func hostLimits(json: String, refused: String?) throws {
        let resources = try OCILinuxResources(jsonString: json)
        var error: SpecificationError?
        do throws(SpecificationError) { try SpecificationCheck.check(resources) } catch let caught { error = caught }
        #expect(error == refused.map { .unsupported($0) })
    }

    @Test("a VM is as large as the limits, and takes no limit beyond that")
    func size() {
        let size = VMSize(
            limits: ContainerLimits(memoryBytes: (100 << 20) + 1, quota: 150_000, period: 100_000),
            defaultMemoryMiB: 256, overheadMiB: 64)
        #expect(
            size
                == VMSize(
                    limits: .init(memoryBytes: 101 << 20, quota: 2, period: 1), defaultMemoryMiB: 1, overheadMiB: 64))
        #expect(size.vcpuCount == 2 && size.containerMiB == 101 && size.memoryMiB == 101 + 64 + 3)
        #expect(size.hostMiB(overheadMiB: 32) == 168 + 32)
        let plain = VMSize(limits: .init(memoryBytes: -1, quota: -1), defaultMemoryMiB: 256, overheadMiB: 64)
        #expect(
            plain.vcpuCount == 1 && plain.memoryMiB == 256 + 64 + 8 && plain.hostMiB(overheadMiB: 32) == 328 + 32 + 1)
        #expect(throws: VMSizeError.processors(wanted: 3, is: 2)) {
            try size.check(ContainerLimits(quota: 250_000, period: 100_000))
        }
        #expect(throws: VMSizeError.memory(wanted: 102, is: 101)) {
            try size.check(ContainerLimits(memoryBytes: 102 << 20))
        }
        #expect(ContainerLimits(memoryBytes: .max).memoryMiB == nil)
        #expect(ContainerLimits(quota: .max, period: .max).processors == 1)
    }
}
