// SPDX-License-Identifier: Apache-2.0
import NestProtocols
import SwiftProtobuf
import Testing

@testable import NestAgent

@Suite struct SpecificationJSONTests {
    private func text(_ value: JSONValue) -> String { String(decoding: value.encoded, as: UTF8.self) }

    @Test("zeros that the runtime specification demands are written")
    func zeros() {
        var specification = OCISpec()
        specification.process.args = ["x"]
        specification.process.rlimits = [.with { $0.type = "RLIMIT_CORE" }]
        specification.process.capabilities = OCILinuxCapabilities()
        specification.linux.devices = [
            .with {
                $0.path = "/dev/x"
                $0.type = "c"
            }
        ]
        let json = text(specification.json(cgroup: "/containers/a"))
        #expect(json.contains(#""rlimits":[{"type":"RLIMIT_CORE","hard":0,"soft":0}]"#))
        #expect(json.contains(#""user":{"uid":0,"gid":0}"#))
        #expect(json.contains(#""bounding":[]"#))
        #expect(json.contains(#"{"path":"/dev/x","type":"c","major":0,"minor":0,"uid":0,"gid":0}"#))
        #expect(json.contains(#""cwd":"/""#))
        #expect(json.contains(#""cgroupsPath":"/containers/a""#))
    }

    @Test("a umask is passed on when there is one, zero included; unified limits are")
    func umask() {
        var specification = OCISpec()
        #expect(!text(specification.json(cgroup: "/containers/a")).contains("umask"))
        specification.process.user.umask = 0
        specification.linux.resources.unified = ["memory.high": "1000000"]
        let json = text(specification.json(cgroup: "/containers/a"))
        #expect(json.contains(#""user":{"uid":0,"gid":0,"umask":0}"#))
        #expect(json.contains(#""unified":{"memory.high":"1000000"}"#))
    }

    @Test("text is escaped so that it reads back as it was")
    func escapes() {
        #expect(text(.string("a\"b\\c\n\u{1}é")) == "\"a\\\"b\\\\c\\u000a\\u0001é\"")
    }

    @Test("a rule for any device names no number, and one for a device both")
    func deviceRules() {
        var resources = OCILinuxResources()
        resources.devices = [
            .with { $0.access = "rwm" },
            .with {
                $0.allow = true
                $0.type = "c"
                $0.major = 5
                $0.minor = 0
                $0.access = "rwm"
            },
            .with {
                $0.allow = true
                $0.type = "c"
                $0.major = 136
                $0.minor = -1
                $0.access = "rwm"
            },
        ]
        #expect(
            text(resources.json.object)
                == #"{"devices":[{"allow":false,"access":"rwm"},{"allow":true,"type":"c","major":5,"minor":0,"access":"rwm"},{"allow":true,"type":"c","major":136,"access":"rwm"}]}"#
        )
    }
}

@Suite struct SmallPartsTests {
    @Test("crun's last message is found in its log, with its escapes undone")
    func crunMessage() {
        let log = """
            {"msg":"first","level":"warning"}
            {"msg": "executable file `x` not found in $PATH: \\"No\\" \\u00e9", "level": "error"}

            """
        #expect(Crun.lastMessage(Array(log.utf8)) == "executable file `x` not found in $PATH: \"No\" é")
        #expect(Crun.lastMessage(Array("nothing".utf8)) == nil)
    }

    @Test("options of a mount are flags, or the file system's own")
    func mountOptions() {
        let options = MountOptions(["ro", "nosuid", "mode=0755", "lowerdir=/a"])
        #expect(options.flags == 3)
        #expect(options.data == ["mode=0755", "lowerdir=/a"])
        #expect(options.value("lowerdir") == "/a")
    }

    @Test("storages are refused outside /run and for drivers that nobody knows")
    func storages() {
        let log = AgentLog()
        for place in ["/etc", "/run", "/run/../etc", "run/x", "/run//x"] {
            let storage = AgentStorage.with {
                $0.driver = "ephemeral"
                $0.mountPoint = place
            }
            #expect(throws: AgentError.self) { try StorageCatalog.attach([storage], log) }
        }
        #expect(throws: AgentError.self) {
            try StorageCatalog.attach([.with { $0.driver = "virtio-fs" }], log)
        }
    }

    @Test("the log keeps the last lines within its bound, each one line")
    func log() {
        let log = AgentLog()
        for number in 0..<5000 { log.info("line \(number)\nwith a break " + String(repeating: "x", count: 100)) }
        let (lines, next) = log.next(from: 0)
        #expect(next == 5000)
        #expect(lines.reduce(0) { $0 + $1.count } <= AgentLog.maximumByteCount)
        #expect(lines.allSatisfy { $0.filter { $0 == 10 }.count == 1 })
    }

    @Test("a word of the kernel's command line sets the level of the log")
    func commandLine() {
        var options = AgentOptions()
        options.read(kernelCommandLine: "quiet nest.agent agent.log=debug agent.log=odd\n")
        #expect(options.logLevel == .debug)
        #expect(AgentOptions(arguments: ["--listen"]) == nil)
    }
}
