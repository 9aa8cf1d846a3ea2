// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials
import NestProtocols
import NestResources
import NestTestSupport
import SwiftProtobuf
import TTRPC

/// The seeds of `Corpus`. The begin of a name says what an input comes to.
enum Seeds {
    typealias Seed = (name: String, bytes: [UInt8])

    static func all() throws -> [String: [Seed]] {
        [
            "agent-request": try requests(), "agent-answer": try answers(), "bundle": bundles,
            "nest-configuration": configurations, "agent-connection": connections,
        ]
    }

    // MARK: What goes to the agent

    private static func bytes(_ message: some Message) throws -> [UInt8] {
        var options = BinaryEncodingOptions()
        options.useDeterministicOrdering = true
        return try message.serializedBytes(options: options)
    }

    private static func request(_ name: String, _ message: some Message) throws -> Seed {
        let type = type(of: message).protoMessageName.split(separator: ".").last.map(String.init) ?? ""
        let number = AgentRequests.names.firstIndex(of: type) ?? 0
        return (name, [UInt8(number)] + (try bytes(message)))
    }

    private static func storage(_ driver: String, at place: String) -> AgentStorage {
        .with {
            $0.driver = driver
            $0.source = "/dev/vda"
            $0.fstype = "ext4"
            $0.options = ["ro", "lowerdir=/run/a"]
            $0.mountPoint = place
        }
    }

    private static func container(_ change: (inout AgentCreateContainerRequest) -> Void) throws -> some Message {
        let spec = try OCISpec(jsonString: plain)
        return AgentCreateContainerRequest.with {
            $0.containerID = "c1"
            $0.execID = "c1"
            $0.oci = spec
            $0.stdinPort = 7
            $0.stdoutPort = 0
            $0.storages = [storage("blk", at: "/run/nest/images/c1")]
            change(&$0)
        }
    }

    private static func requests() throws -> [Seed] {
        let spec = try OCISpec(jsonString: plain)
        let file = AgentCopyFileRequest.with {
            $0.path = "/run/a/b"
            $0.fileSize = 5
            $0.fileMode = 0o100_644
            $0.dirMode = 0o755
            $0.offset = 2
            $0.data = .init([1, 2, 3])
        }
        func exec(_ id: String, _ process: OCIProcess) -> AgentExecProcessRequest {
            .with {
                $0.containerID = "c1"
                $0.execID = id
                $0.process = process
                $0.stderrPort = 9
            }
        }
        let everything = try OCISpec(jsonString: everything)
        return [
            try request("ok-create-container", try container { _ in }),
            try request("ok-create-everything", try container { $0.oci = everything }),
            try request("ok-exec-everything", exec("e2", everything.process)),
            try request(
                "ok-create-sandbox",
                AgentCreateSandboxRequest.with {
                    $0.hostname = "h"
                    $0.dns = ["nameserver 192.0.2.1"]
                    $0.sandboxID = "s1"
                    $0.storages = [storage("ephemeral", at: "/run/shm")]
                }),
            try request("ok-exec", exec("e1", spec.process)),
            try request(
                "ok-update",
                AgentUpdateContainerRequest.with {
                    $0.containerID = "c1"
                    $0.resources = spec.linux.resources
                }),
            try request("ok-copy-file", file),
            try request(
                "ok-signal",
                AgentSignalProcessRequest.with {
                    $0.containerID = "c1"
                    $0.signal = 9
                }),
            try request(
                "ok-write-stream",
                AgentWriteStreamRequest.with {
                    $0.containerID = "c1"
                    $0.data = .init([0, 255])
                }),
            try request(
                "ok-resize",
                AgentTtyWinResizeRequest.with {
                    $0.containerID = "c1"
                    $0.row = .max
                    $0.column = 80
                }),
            try request(
                "ok-time",
                AgentSetGuestDateTimeRequest.with {
                    $0.sec = .min
                    $0.usec = -1
                }),
            try request("ok-nothing", AgentGetOOMEventRequest()),
            try request("refused-name", try container { $0.containerID = "../c1" }),
            try request("refused-no-process", try container { $0.oci.clearProcess() }),
            try request("refused-driver", try container { $0.storages[0].driver = "9p" }),
            try request("refused-place", try container { $0.storages[0].mountPoint = "/run/../etc" }),
            try request("refused-accent-place", try container { $0.storages[0].mountPoint = "/run/../\u{301}etc" }),
            try request(
                "refused-accent-path",
                AgentCopyFileRequest.with {
                    $0 = file
                    $0.path = "/run/../\u{301}etc"
                }),
            try request(
                "refused-resolver",
                AgentCreateSandboxRequest.with { $0.dns = ["nameserver 192.0.2.1\r\nnameserver 192.0.2.2"] }),
            try request("refused-many", try container { $0.storages = Array(repeating: AgentStorage(), count: 65) }),
            try request(
                "refused-kind",
                AgentCopyFileRequest.with {
                    $0 = file
                    $0.fileMode = 0o120_777
                }),
            try request(
                "refused-owner",
                AgentCopyFileRequest.with {
                    $0 = file
                    $0.gid = -1
                }),
            try request("refused-exec", exec("e1", OCIProcess())),
            try request(
                "refused-offset",
                AgentCopyFileRequest.with {
                    $0 = file
                    $0.offset = .max
                }),
            // A field of type 7, a length past the end, a number of eleven bytes, text that is not UTF-8.
            ("bad-wire-type", [2, 0x0f]), ("bad-length", [2, 0x0a, 0x7f, 0x61]),
            ("bad-number", [10, 0x18] + [UInt8](repeating: 0xff, count: 11)), ("bad-text", [2, 0x0a, 2, 0xff, 0xfe]),
        ]
    }

    // MARK: What comes from the guest

    private static func answers() throws -> [Seed] {
        let statistics = AgentStatsContainerResponse.with { answer in
            answer.cgroupStats.pidsStats.current = 9
            answer.cgroupStats.pidsStats.limit = .max
            answer.cgroupStats.cpuStats.cpuUsage.totalUsage = 5_000_000
            answer.cgroupStats.cpuStats.cpuUsage.percpuUsage = [1, .max]
            answer.cgroupStats.cpuStats.throttlingData.throttledTime = 77
            answer.cgroupStats.memoryStats.usage.usage = 4096
            answer.cgroupStats.memoryStats.swapUsage.limit = .max
            answer.cgroupStats.memoryStats.stats = ["anon": 23, "file": 1, "inactive_file": 17, "\u{1B}[31m": 1]
            answer.cgroupStats.blkioStats.ioServiceBytesRecursive = ["Read", "write", "Discard"].map { name in
                .with {
                    $0.op = name
                    $0.major = 254
                    $0.value = 512
                }
            }
            answer.cgroupStats.blkioStats.ioServicedRecursive = answer.cgroupStats.blkioStats.ioServiceBytesRecursive
            answer.cgroupStats.blkioStats.ioServiceBytesRecursive.append(
                .with {
                    $0.op = "Read"
                    $0.major = 7
                })
            answer.networkStats = [
                .with {
                    $0.name = "lo"
                    $0.rxBytes = 1
                }
            ]
        }
        func failure(_ code: TTRPCCode, _ text: String, details: [[UInt8]] = []) -> [UInt8] {
            [3] + TTRPCResponse(failure: TTRPCStatus(code, text, details: details)).encoded()
        }
        return [
            ("exit-zero", [0]), ("exit-killed", [0] + (try bytes(AgentWaitProcessResponse.with { $0.status = 137 }))),
            ("exit-negative", [0] + (try bytes(AgentWaitProcessResponse.with { $0.status = .min }))),
            ("statistics-full", [1] + (try bytes(statistics))), ("statistics-none", [1]),
            // Entries without a member: the smallest message that needs the most memory.
            ("statistics-many", [1] + repeatElement([0x12, 0], count: 1000).joined()),
            ("memory-container", [2] + (try bytes(AgentOOMEvent.with { $0.containerID = "c1" }))),
            ("failure-plain", failure(.notFound, "process already finished")),
            ("failure-terminal", failure(.unknown, "crun: \u{1B}]0;owned\u{7}\r\nno \u{9B}31m such\u{2028}file")),
            ("failure-details", failure(.internalError, "no", details: [[10, 1, 120]])),
            ("failure-long", failure(.unknown, String(repeating: "long\u{E9}", count: 500))),
            ("failure-none", failure(.unknown, "")),
            ("log-lines", [4, 2] + Array("level=info one\n\ntwo\r\n\u{1B}[2Jthr\u{85}ee".utf8)),
            ("log-long", [4, 255] + [UInt8](repeating: 0xC3, count: 2100) + [10, 0x61]),
            ("console-lines", [5, 0] + Array("[    0.0] Linux\r\n\u{1B}c\u{9B}31mred\n\u{E9}nd".utf8)),
            ("console-long", [5, 9] + [UInt8](repeating: 0x78, count: 1100) + [10]),
            ("bad-exit", [0, 8] + [UInt8](repeating: 0xff, count: 11)), ("bad-statistics", [1, 0x0a, 0x7f, 0x61]),
            ("bad-memory", [2, 0x0a, 2, 0xff, 0xfe]), ("bad-envelope", [3, 0x0a, 0x7f]),
            ("bad-success", [3] + TTRPCResponse(payload: [1]).encoded()), ("bad-empty", []),
        ]
    }

    // MARK: What a client has on the host

    private static let plain = #"""
        {"ociVersion":"1.0.2","process":{"terminal":true,"args":["sh","-c","echo \"\u0001\""],"cwd":"/","env":["A=b"],
        "user":{"uid":1,"gid":2,"additionalGids":[3]},"rlimits":[{"type":"RLIMIT_NOFILE","hard":1024,"soft":512}],
        "capabilities":{"bounding":["CAP_KILL"]},"noNewPrivileges":true,"oomScoreAdj":-5},"root":{"path":"rootfs",
        "readonly":true},"hostname":"h","mounts":[{"destination":"/proc","type":"proc","source":"proc",
        "options":["nosuid"]}],"annotations":{"a":"b"},"linux":{"cgroupsPath":"/n/c1","maskedPaths":["/proc/kcore"],
        "resources":{"memory":{"limit":9223372036854775807},"cpu":{"quota":-1,"period":100000},"pids":{"limit":5},
        "unified":{"memory.high":"1"}},"seccomp":{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read"],
        "action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":1,"op":"SCMP_CMP_EQ"}]}]},"namespaces":[{"type":"pid"},
        {"type":"ipc"},{"type":"uts"},{"type":"mount"},{"type":"network"}]}}
        """#

    /// What a specification for the agent may have, beside that.
    private static let everything = #"""
        {"process":{"consoleSize":{"height":1,"width":2},"user":{"umask":18},"args":["a"],"apparmorProfile":"a",
        "selinuxLabel":"s","capabilities":{"effective":["CAP_A"],"inheritable":["CAP_B"],"permitted":["CAP_C"],
        "ambient":["CAP_D"]}},"hooks":{"prestart":[{"path":"/h","args":["a"],"env":["A=b"],"timeout":1}],
        "createRuntime":[{"path":"/h"}],"createContainer":[{"path":"/h"}],"startContainer":[{"path":"/h"}],
        "poststart":[{"path":"/h"}],"poststop":[{"path":"/h"}]},"linux":{"uidMappings":[{"size":1}],
        "gidMappings":[{"hostID":4294967295}],"sysctl":{"kernel.\"":"\n","net.a":"\u001b"},"namespaces":[{"type":"net","path":"/n"}],
        "devices":[{"path":"/dev/a","type":"c","major":1,"minor":-1,"fileMode":438},{"path":"/dev/p","type":"p"}],
        "rootfsPropagation":"private","readonlyPaths":["/proc/sys"],"mountLabel":"m","seccomp":{"architectures":["x"],
        "flags":["f"],"syscalls":[{"errnoRet":0}]},"resources":{"devices":[{"allow":true,"type":"c","major":1,
        "minor":2,"access":"r"},{"type":"a"}],"memory":{"reservation":1,"swap":-1,"disableOOMKiller":true},
        "cpu":{"shares":2,"realtimeRuntime":1,"realtimePeriod":1,"cpus":"0","mems":"0"},"blockIO":{"weight":10,
        "leafWeight":1,"weightDevice":[{"major":8,"weight":1,"leafWeight":1}],"throttleReadBpsDevice":[{"rate":1}],
        "throttleWriteBpsDevice":[{}],"throttleReadIOPSDevice":[{}],"throttleWriteIOPSDevice":[{}]},
        "hugepageLimits":[{"pageSize":"2MB","limit":1}]}}}
        """#

    private static var bundles: [Seed] {
        func text(_ name: String, _ text: String) -> Seed { (name, Array(text.utf8)) }
        func plain(_ name: String, _ part: String, _ other: String) -> Seed {
            text(name, Self.plain.replacing(part, with: other))
        }
        return [
            text("ok-plain", Self.plain), plain("ok-unknown", "\"hostname\"", "\"new\":{\"x\":[1,null]},\"hostname\""),
            plain(
                "ok-hook", "\"hostname\"",
                "\"hooks\":{\"startContainer\":[{\"path\":\"/h\",\"timeout\":1}]},\"hostname\""),
            plain("ok-cgroup", "/n/c1", "a-b.slice:cri:c1"), plain("ok-cgroup-accent", "/n/c1", "/../\u{301}n"),
            plain("ok-labels", "\"noNew", "\"apparmorProfile\":\"a\",\"selinuxLabel\":\"b\",\"noNew"),
            plain("ok-mount-label", "\"cgroupsPath\"", "\"mountLabel\":\"a\",\"cgroupsPath\""),
            plain(
                "ok-no-limits", "\"memory\":{\"limit\":9223372036854775807},\"cpu\":{\"quota\":-1,\"period\":100000},",
                ""),
            plain(
                "ok-unread-empty", "\"noNew",
                "\"scheduler\":{},\"ioPriority\":[],\"execCPUAffinity\":null,\"noNew"),
            plain("refused-domain", "\"hostname\"", "\"domainname\":\"d\",\"hostname\""),
            plain("refused-escaped", "\"hostname\"", "\"dom\\u0061inname\":\"d\",\"hostname\""),
            plain(
                "refused-unread-list", "\"cgroupsPath\"",
                "\"netDevices\":[1],\"memoryPolicy\":[],\"timeOffsets\":1,\"cgroupsPath\""),
            plain(
                "refused-hidden", "\"hostname\"",
                "\"new\":\(String(repeating: "[", count: 60) + String(repeating: "]", count: 60)),\"domainname\":\"\",\"hostname\""
            ),
            plain("refused-user", "{\"type\":\"pid\"},", "{\"type\":\"pid\"},{\"type\":\"user\"},"),
            plain("refused-mapping", "\"cgroupsPath\"", "\"uidMappings\":[{\"size\":1}],\"cgroupsPath\""),
            plain("refused-cache", "\"cgroupsPath\"", "\"intelRdt\":{\"l3CacheSchema\":\"a\"},\"cgroupsPath\""),
            plain("refused-nodes", "\"quota\"", "\"mems\":\"0\",\"quota\""),
            plain("refused-classes", "\"memory\"", "\"network\":{\"classID\":1},\"memory\""),
            text("refused-empty", "{}"), plain("refused-args", "[\"sh\",\"-c\",\"echo \\\"\\u0001\\\"\"]", "[]"),
            plain("refused-personality", "\"cgroupsPath\"", "\"personality\":{\"domain\":\"L\"},\"cgroupsPath\""),
            plain("refused-scheduler", "\"noNew", "\"scheduler\":{\"policy\":\"SCHED_FIFO\"},\"noNew"),
            plain("refused-namespace", "{\"type\":\"pid\"},", ""),
            plain("refused-network", "\"network\"", "\"network\",\"path\":\"/run/netns/a\""),
            plain("refused-bind", "\"nosuid\"", "\"rbind\""),
            plain(
                "refused-bind-terminal", "\"source\":\"proc\",\n\"options\":[\"nosuid\"]",
                "\"source\":\"\\u001b\\n\",\"options\":[\"bind\"]"),
            plain("refused-type", "\"type\":\"proc\"", "\"type\":\"nfs\""),
            plain(
                "refused-device", "\"maskedPaths\"",
                "\"devices\":[{\"path\":\"/dev/kvm\",\"type\":\"c\"}],\"maskedPaths\""),
            plain("refused-privileged", "\"memory\"", "\"devices\":[{\"allow\":true,\"access\":\"rwm\"}],\"memory\""),
            plain("refused-processors", "\"quota\"", "\"cpus\":\"0-1\",\"quota\""),
            plain("refused-block", "\"memory\"", "\"blockIO\":{\"weight\":10},\"memory\""),
            plain("refused-pages", "\"memory\"", "\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":1}],\"memory\""),
            plain("refused-hook", "\"hostname\"", "\"hooks\":{\"prestart\":[{\"path\":\"/h\"}]},\"hostname\""),
            plain("refused-pod", "\"a\":\"b\"", "\"io.kubernetes.cri.container-type\":\"container\""),
            text("bad-empty", ""), text("bad-array", "[]"), plain("bad-number", "1024", "1e999"),
            text("bad-nesting", "{\"process\":" + String(repeating: "[", count: 300)),
            text("bad-unknown-nesting", "{\"new\":" + String(repeating: "[{\"a\":", count: 300)),
            plain("bad-type", "\"args\":[", "\"args\":[{},"), text("bad-cut", String(Self.plain.dropLast(20))),
            ("bad-text", Array(Self.plain.utf8.prefix(40)) + [0xff]),
        ]
    }

    private static var configurations: [Seed] {
        func text(_ name: String, _ text: String) -> Seed { (name, Array(text.utf8)) }
        return [
            text("ok-default", NestConfiguration.defaultText), text("ok-all", NestConfiguration().text),
            text(
                "ok-values", "[vm]\ndefault_memory = 1_024 # MiB\r\n\tkernel = \"/a # b \\\"c\\\" \\\\\"\t# not this\n"),
            text("ok-empty", "\n# nothing\n"), text("ok-debug", "[debug]\nseccomp = false\nhold = \"\"\n"),
            text("value-range", "[vm]\ndefault_memory = 31\n"), text("value-path", "[vm]\nkernel = \"vmlinux\"\n"),
            text("value-kind", "[vm]\ndefault_memory = \"1\"\n"), text("value-flag", "[debug]\nseccomp = 1\n"),
            text("value-words", "[debug]\nkernel_parameters = \"\u{E9}\"\n"),
            text("bad-section", "[nothing]\n"), text("bad-key", "[vm]\nx = 1\n"),
            text("bad-key-terminal", "[vm]\n\u{1B}[31m = 1\n"), text("bad-line", "[vm]\nkernel\n"),
            text("bad-doubled", "[vm]\ndefault_memory = 1024\ndefault_memory = 1024\n"),
            text("bad-number", "[vm]\ndefault_memory = 99999999999999999999\n"),
            text("bad-string", "[vm]\nkernel = \"a\n"),
            text("bad-escape", "[vm]\nkernel = \"/a\\n\"\n"), text("bad-rest", "[vm]\nkernel = \"/a\" b\n"),
            text("bad-none", "[vm]\nkernel =\n"), text("bad-bracket", "[vm\n"), ("bad-utf8", [0x23, 0xff, 10]),
        ]
    }
}
