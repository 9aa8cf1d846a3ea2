// SPDX-License-Identifier: Apache-2.0
import SwiftletVMM
import Testing

@Suite struct ConfigFileTests {
    private func fault(_ text: String) -> String? {
        do throws(ConfigError) {
            try VMSettings().load(Array(text.utf8))
            return nil
        } catch {
            return error.description
        }
    }

    @Test("what a machine tells of its configuration is a configuration file that gives the same")
    func roundTrip() throws {
        let files = try TemporaryFolder()
        let kernel = try files.file("kernel", byteCount: 1)
        let disk = try files.file("disk", byteCount: 512)
        let text = #"""
            {"boot-source": {"kernel_image_path": "\#(kernel)", "boot_args": "quiet"},
             "machine-config": {"vcpu_count": 4, "mem_size_mib": 300, "huge_pages": "Transparent"},
             "drives": [{"drive_id": "a", "is_root_device": true, "path_on_host": "\#(disk)", "cache_type": "Writeback",
                         "rate_limiter": {"bandwidth": {"size": 1000, "one_time_burst": 5, "refill_time": 100}}}],
             "entropy": {"rate_limiter": {"ops": {"size": 3, "refill_time": 0}}}, "network-interfaces": [], "balloon": null, "vsock": null}
            """#
        let first = VMSettings()
        try first.load(Array(text.utf8))
        let second = VMSettings()
        try second.load(Array(first.json.text.utf8))
        #expect(first.json == second.json)
        #expect(first.json["machine-config"]?["mem_size_mib"] == .integer(300))
        #expect(first.json["boot-source"]?["boot_args"] == .string("quiet"))
        let operations = JSONValue.object([
            .init("size", .integer(3)), .init("one_time_burst", .null), .init("refill_time", .integer(0)),
        ])
        #expect(
            first.json["entropy"]?["rate_limiter"]
                == .object([.init("bandwidth", .null), .init("ops", operations)]))
        guard case .array(let drives) = first.json["drives"] else {
            Issue.record("no drives")
            return
        }
        #expect(drives.first?["rate_limiter"]?["bandwidth"]?["one_time_burst"] == .integer(5))
    }

    @Test("a section that nobody knows, that is doubled, not served yet, or of another type is refused by name")
    func refused() {
        let prefix = "An error occurred when deserializing the json body of a request: "
        #expect(fault("{}") == prefix + "missing field `boot-source`.")
        #expect(fault("[]") == prefix + "invalid type: sequence, expected struct VmmConfig in `VmmConfig`.")
        #expect(fault("")?.hasPrefix(prefix) == true)
        #expect(
            fault(#"{"boot-source":{"kernel_image_path":"/dev/zero"}}"#)
                == "Boot source error: the kernel /dev/zero is not a file")
        #expect(fault(#"{"boot-source":{},"drive":[]}"#)?.hasPrefix(prefix + "unknown field `drive`") == true)
        #expect(fault(#"{"boot-source":{},"boot-source":{}}"#)?.hasPrefix(prefix + "duplicate object key") == true)
        #expect(fault(#"{"boot-source":{},"balloon":{}}"#) == prefix + "`balloon` is not supported yet.")
        #expect(
            fault(#"{"boot-source":{},"network-interfaces":[{}]}"#) == prefix
                + "`network-interfaces` is not supported yet.")
    }

    @Test("one drive instead of a row of them is refused")
    func oneDrive() throws {
        let files = try TemporaryFolder()
        let kernel = try files.file("kernel", byteCount: 1)
        #expect(
            fault(#"{"boot-source":{"kernel_image_path":"\#(kernel)"},"drives":{}}"#)
                == "An error occurred when deserializing the json body of a request: invalid type: map, expected a sequence in `drives`."
        )
    }
}
