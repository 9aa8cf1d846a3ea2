// SPDX-License-Identifier: Apache-2.0
import NestProtocols
import SwiftProtobuf
import Testing

@Suite("The OCI messages")
struct SpecificationTests {
    @Test("a bundle's config.json decodes by the specification's names, and what is unknown is passed over")
    func configuration() throws {
        let text = #"""
            {"ociVersion":"1.0.2","process":{"terminal":true,"user":{"uid":1,"gid":2,"additionalGids":[3,4]},
            "args":["sh"],"env":["A=b"],"cwd":"/","capabilities":{"bounding":["CAP_KILL"]},
            "rlimits":[{"type":"RLIMIT_NOFILE","hard":1024,"soft":512}],"noNewPrivileges":true,"oomScoreAdj":-5},
            "root":{"path":"rootfs","readonly":true},"hostname":"h","mounts":[{"destination":"/proc","type":"proc",
            "source":"proc","options":["nosuid"]}],"linux":{"resources":{"memory":{"limit":9223372036854775807,
            "disableOOMKiller":true},"cpu":{"quota":-1,"period":100000},"blockIO":{"weight":10},
            "devices":[{"allow":false,"access":"rwm"}]},"cgroupsPath":"/default/c","uidMappings":[{"containerID":0,
            "hostID":1000,"size":1}],"namespaces":[{"type":"pid"},{"type":"network","path":"/run/netns/x"}],
            "maskedPaths":["/proc/kcore"],"seccomp":{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[
            {"names":["read"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":1,"op":"SCMP_CMP_EQ"}]}]}},
            "newInSomeVersion":{"x":1}}
            """#
        var options = JSONDecodingOptions()
        options.ignoreUnknownFields = true
        let spec = try OCISpec(jsonUTF8Bytes: Array(text.utf8), options: options)
        #expect(spec.version == "1.0.2")
        #expect(spec.process.user.additionalGids == [3, 4])
        #expect(spec.process.rlimits.first?.soft == 512)
        #expect(spec.linux.resources.memory.limit == .max)
        #expect(spec.linux.resources.memory.disableOomKiller)
        #expect(spec.linux.resources.blockIo.weight == 10)
        #expect(spec.linux.uidMappings.first?.hostID == 1000)
        #expect(spec.linux.namespaces.last?.path == "/run/netns/x")
        #expect(spec.linux.seccomp.syscalls.first?.args.first?.op == "SCMP_CMP_EQ")
    }
}
