// SPDX-License-Identifier: Apache-2.0
import Glibc
import SwiftletVMM
import Testing
import VMMSysUtil

/// Each row of the golden table is a request in a state of the machine, and its whole answer.
@Suite struct RoutesTests {
    private static let before = "The requested operation is not supported before starting the microVM."
    private static let after = "The requested operation is not supported after starting the microVM."

    private static func badJSON(_ text: String) -> String {
        "An error occurred when deserializing the json body of a request: \(text)."
    }

    /// Nil is 204.
    private static let rows: [(request: String, notStarted: String?, running: String?)] = [
        (
            "GET /nothing", "Invalid request method and/or path: GET nothing.",
            "Invalid request method and/or path: GET nothing."
        ),
        ("GET /vm", "Invalid request method and/or path: GET vm.", "Invalid request method and/or path: GET vm."),
        ("GET / {}", "GET request cannot have a body.", "GET request cannot have a body."),
        ("PUT /boot-source", "Empty PUT request.", "Empty PUT request."),
        ("PATCH /machine-config", "Empty PATCH request.", "Empty PATCH request."),
        ("PATCH /machine-config {}", "Empty PATCH request.", "Empty PATCH request."),
        (
            #"PUT /boot-source {"kernel_image_path":"/dev/null"}"#,
            "Boot source error: the kernel /dev/null is not a file", after
        ),
        (#"PUT /machine-config {"vcpu_count":2,"mem_size_mib":64}"#, nil, after),
        (
            #"PUT /machine-config {"vcpu_count":2,"mem_size_mib":64,"smt":false,"cpu_template":"None","track_dirty_pages":false,"huge_pages":"Transparent"}"#,
            nil, after
        ),
        (
            #"PUT /machine-config {"vcpu_count":2}"#, badJSON("missing field `mem_size_mib`"),
            badJSON("missing field `mem_size_mib`")
        ),
        (
            #"PUT /machine-config {"vcpu_count":256,"mem_size_mib":64}"#,
            badJSON("invalid value: integer `256`, expected u8 in `vcpu_count`"),
            badJSON("invalid value: integer `256`, expected u8 in `vcpu_count`")
        ),
        (
            #"PUT /machine-config {"vcpu_count":1.5,"mem_size_mib":64}"#,
            badJSON("invalid type: floating point `1.5`, expected u8 in `vcpu_count`"),
            badJSON("invalid type: floating point `1.5`, expected u8 in `vcpu_count`")
        ),
        (
            #"PUT /machine-config {"vcpu_count":2,"mem_size_mib":64,"smt":true}"#,
            badJSON("`smt` is not supported yet"), badJSON("`smt` is not supported yet")
        ),
        (
            #"PUT /machine-config {"vcpu_count":0,"mem_size_mib":64}"#,
            "Machine config error: The number of vCPUs must be greater than 0, less than 32 and must be 1 or an even number if SMT is enabled.",
            after
        ),
        (
            #"PATCH /machine-config {"mem_size_mib":0}"#,
            "Machine config error: The memory size (MiB) is either 0, or not a multiple of the configured page size.",
            after
        ),
        (#"PATCH /machine-config {"mem_size_mib":512}"#, nil, after),
        (#"PUT /drives {"drive_id":"a"}"#, "The ID cannot be empty.", "The ID cannot be empty."),
        (
            #"PUT /drives/a-b {"drive_id":"a-b"}"#,
            "API Resource IDs can only contain alphanumeric characters and underscores.",
            "API Resource IDs can only contain alphanumeric characters and underscores."
        ),
        (
            #"PUT /drives/b {"drive_id":"a","is_root_device":false,"path_on_host":"/x"}"#,
            "The id from the path does not match the id from the body!",
            "The id from the path does not match the id from the body!"
        ),
        (
            #"PUT /drives/a {"drive_id":"a","is_root_device":false,"path_on_host":"/no/such"}"#,
            "Drive config error: cannot open the drive /no/such: No such file or directory (ENOENT)", after
        ),
        (
            #"PUT /drives/a {"drive_id":"a","is_root_device":false,"path_on_host":"/x","cache_type":"Some"}"#,
            badJSON("unknown variant `Some`, expected one of `Unsafe`, `Writeback` in `cache_type`"),
            badJSON("unknown variant `Some`, expected one of `Unsafe`, `Writeback` in `cache_type`")
        ),
        (
            #"PUT /drives/a {"drive_id":"a","is_root_device":false,"path_on_host":"/x","io_engine":"Threads"}"#,
            badJSON("unknown variant `Threads`, expected one of `Sync`, `Async` in `io_engine`"),
            badJSON("unknown variant `Threads`, expected one of `Sync`, `Async` in `io_engine`")
        ),
        (#"PATCH /drives/a {"drive_id":"a","path_on_host":"/x"}"#, before, "Drive config error: Device not found: a"),
        (
            #"PATCH /drives/a {"drive_id":"a","is_read_only":true}"#,
            badJSON("unknown field `is_read_only`, expected one of `drive_id`, `path_on_host`, `rate_limiter`"),
            badJSON("unknown field `is_read_only`, expected one of `drive_id`, `path_on_host`, `rate_limiter`")
        ),
        (
            "DELETE /drives/a", "The requested operation is not supported: DELETE /drives",
            "The requested operation is not supported: DELETE /drives"
        ),
        (
            #"PUT /vsock {"guest_cid":2,"uds_path":"/no/such/v"}"#,
            "Vsock config error: guest_cid 2 is reserved: take one from 3 to 4294967294", after
        ),
        (
            #"PUT /vsock {"guest_cid":3,"uds_path":"/no/such/v"}"#,
            "Vsock config error: Cannot create backend for vsock device: cannot listen on /no/such/v: No such file or directory (ENOENT)",
            after
        ),
        (
            #"PATCH /vsock {"guest_cid":3}"#, "Invalid request method and/or path: PATCH vsock.",
            "Invalid request method and/or path: PATCH vsock."
        ),
        ("PUT /entropy {}", nil, after),
        (
            #"PUT /entropy {"rate_limiter":{"ops":{"size":100,"refill_time":100},"bandwidth":{"size":9223372036854775807,"one_time_burst":1,"refill_time":9223372036854775807}}}"#,
            nil, after
        ),
        (#"PUT /entropy {"rate_limiter":{"ops":{"size":0,"refill_time":0}}}"#, nil, after),
        (#"PUT /entropy {"rate_limiter":{}}"#, nil, after),
        (
            #"PUT /entropy {"rate_limiter":{"ops":{"size":1}}}"#, badJSON("missing field `refill_time`"),
            badJSON("missing field `refill_time`")
        ),
        (
            #"PUT /entropy {"rate_limiter":{"ops":{"refill_time":1}}}"#, badJSON("missing field `size`"),
            badJSON("missing field `size`")
        ),
        (
            #"PUT /entropy {"rate_limiter":{"ops":{"size":-1,"refill_time":1}}}"#,
            badJSON("invalid value: integer `-1`, expected u64 in `size`"),
            badJSON("invalid value: integer `-1`, expected u64 in `size`")
        ),
        (
            #"PUT /entropy {"rate_limiter":{"ops":{"size":1.5,"refill_time":1}}}"#,
            badJSON("invalid type: floating point `1.5`, expected u64 in `size`"),
            badJSON("invalid type: floating point `1.5`, expected u64 in `size`")
        ),
        (
            #"PUT /entropy {"rate_limiter":{"operations":{}}}"#,
            badJSON("unknown field `operations`, expected one of `bandwidth`, `ops`"),
            badJSON("unknown field `operations`, expected one of `bandwidth`, `ops`")
        ),
        (
            #"PATCH /drives/a {"drive_id":"a","rate_limiter":{"ops":{"size":1,"burst":2,"refill_time":1}}}"#,
            badJSON("unknown field `burst`, expected one of `size`, `one_time_burst`, `refill_time`"),
            badJSON("unknown field `burst`, expected one of `size`, `one_time_burst`, `refill_time`")
        ),
        (
            #"PATCH /drives/a {"drive_id":"a","rate_limiter":[]}"#,
            badJSON("invalid type: sequence, expected struct rate_limiter in `rate_limiter`"),
            badJSON("invalid type: sequence, expected struct rate_limiter in `rate_limiter`")
        ),
        (
            #"PUT /actions {"action_type":"InstanceStop"}"#,
            badJSON(
                "unknown variant `InstanceStop`, expected one of `FlushMetrics`, `InstanceStart`, `SendCtrlAltDel` in `action_type`"
            ),
            badJSON(
                "unknown variant `InstanceStop`, expected one of `FlushMetrics`, `InstanceStart`, `SendCtrlAltDel` in `action_type`"
            )
        ),
        (
            #"PUT /actions {"action_type":"FlushMetrics"}"#, "The requested operation is not supported: FlushMetrics",
            "The requested operation is not supported: FlushMetrics"
        ),
        (#"PUT /actions {"action_type":"SendCtrlAltDel"}"#, before, before),
        (
            #"PUT /network-interfaces/a {}"#, "The requested operation is not supported: PUT /network-interfaces",
            "The requested operation is not supported: PUT /network-interfaces"
        ),
        (
            #"PATCH /vm {"state":"Paused"}"#, "The requested operation is not supported: PATCH /vm",
            "The requested operation is not supported: PATCH /vm"
        ),
    ]

    private func controller() throws -> APIController {
        try APIController(VMSettings(), info: InstanceInfo(id: "test", version: "1.2.3"))
    }

    private func request(_ text: String) -> HTTPRequest {
        let words = text.split(separator: " ", maxSplits: 2).map(String.init)
        return HTTPRequest(
            method: words[0], path: words[1], body: words.count > 2 ? Array(words[2].utf8) : nil)
    }

    private func answer(_ fault: String?) -> HTTPResponse {
        guard let fault else { return HTTPResponse(status: 204) }
        return HTTPResponse(status: 400, body: JSONValue.object([.init("fault_message", .string(fault))]).text)
    }

    @Test("each request has its answer before the start, and while the machine runs", arguments: rows)
    func goldenTable(text: String, notStarted: String?, running: String?) throws {
        #expect(try controller().respond(to: request(text)) == answer(notStarted), "before: \(text)")
        let started = try controller()
        started.started()
        #expect(started.respond(to: request(text)) == answer(running), "after: \(text)")
    }

    @Test("the machine tells its identity, state, version and sizes")
    func told() throws {
        let controller = try controller()
        func body(_ path: String) -> String? { controller.respond(to: HTTPRequest(method: "GET", path: path)).body }
        #expect(body("/version") == #"{"firecracker_version":"1.2.3"}"#)
        #expect(body("/") == #"{"id":"test","state":"Not started","vmm_version":"1.2.3","app_name":"swiftlet"}"#)
        #expect(body("//machine-config/")?.hasPrefix(#"{"vcpu_count":1,"mem_size_mib":128,"smt":false"#) == true)
        controller.started()
        #expect(body("/")?.contains(#""state":"Running""#) == true)
    }

    @Test("drives are replaced by id, the root comes first, and there is one root")
    func drives() throws {
        let files = try TemporaryFolder()
        let path = try files.file("disk", byteCount: 4096)
        let controller = try controller()
        func put(_ id: String, root: Bool = false) -> HTTPResponse {
            controller.respond(
                to: request(
                    #"PUT /drives/\#(id) {"drive_id":"\#(id)","is_root_device":\#(root),"path_on_host":"\#(path)"}"#))
        }
        func order() throws -> [JSONValue?] {
            let config = controller.respond(to: HTTPRequest(method: "GET", path: "/vm/config"))
            guard case .array(let drives)? = try JSONValue(parsing: Array((config.body ?? "").utf8))["drives"] else {
                return []
            }
            return drives.map { $0["drive_id"] }
        }
        for id in ["a", "b", "c"] { #expect(put(id).status == 204) }
        #expect(put("r", root: true).status == 204)
        #expect(try order() == [.string("r"), .string("a"), .string("b"), .string("c")])
        #expect(put("b").status == 204)
        #expect(put("b", root: true) == answer("Drive config error: A root block device already exists!"))
        #expect(put("r", root: true).status == 204)
        #expect(try order() == [.string("r"), .string("a"), .string("b"), .string("c")])
        #expect(put("r").status == 204)
        #expect(put("b", root: true).status == 204)
        #expect(try order() == [.string("b"), .string("r"), .string("a"), .string("c")])
    }

    @Test("a running machine's drive gets another file; one that cannot be opened changes nothing")
    func patchDrive() throws {
        let files = try TemporaryFolder()
        let (one, two) = (try files.file("one", byteCount: 4096), try files.file("two", byteCount: 0))
        let controller = try controller()
        #expect(
            controller.respond(
                to: request(#"PUT /drives/a {"drive_id":"a","is_root_device":false,"path_on_host":"\#(one)"}"#)
            ).status == 204)
        controller.started()
        func path() -> Bool? {
            controller.respond(to: HTTPRequest(method: "GET", path: "/vm/config")).body?.contains(
                #""path_on_host":"\#(two)""#)
        }
        #expect(
            controller.respond(to: request(#"PATCH /drives/a {"drive_id":"a","path_on_host":"/no/such"}"#)).status
                == 400)
        #expect(controller.respond(to: request(#"PATCH /drives/a {"drive_id":"a"}"#)).status == 204)
        #expect(path() == false)
        #expect(
            controller.respond(to: request(#"PATCH /drives/a {"drive_id":"a","path_on_host":"\#(two)"}"#)).status == 204
        )
        #expect(path() == true)
    }

    @Test("an asynchronous drive is told as it is: synchronous once it has another file")
    func asynchronousDrive() throws {
        let files = try TemporaryFolder()
        let path = try files.file("disk", byteCount: 4096)
        let controller = try controller()
        func tells(_ engine: String) -> Bool? {
            controller.respond(to: HTTPRequest(method: "GET", path: "/vm/config")).body?.contains(
                #""io_engine":"\#(engine)""#)
        }
        let put =
            #"PUT /drives/a {"drive_id":"a","is_root_device":false,"path_on_host":"\#(path)","io_engine":"Async"}"#
        #expect(controller.respond(to: request(put)).status == 204)
        #expect(tells("Async") == true)
        controller.started()
        let limit = #"PATCH /drives/a {"drive_id":"a","rate_limiter":{}}"#
        #expect(controller.respond(to: request(limit)).status == 204)
        #expect(tells("Async") == true)
        #expect(
            controller.respond(to: request(#"PATCH /drives/a {"drive_id":"a","path_on_host":"\#(path)"}"#)).status
                == 204)
        #expect(tells("Sync") == true)
    }

    @Test("a vsock device that is put again takes the place of the first, at the same path")
    func vsockAgain() throws {
        let files = try TemporaryFolder()
        let controller = try controller()
        for cid in [3, 4] {
            let put = request(#"PUT /vsock {"guest_cid":\#(cid),"uds_path":"\#(files.path)/v","vsock_id":"old"}"#)
            #expect(controller.respond(to: put).status == 204)
        }
        #expect(
            controller.respond(to: HTTPRequest(method: "GET", path: "/vm/config")).body?
                .contains(#""vsock":{"guest_cid":4,"#) == true)
    }

    @Test("vsock has a socket for packets if it was asked for, and tells of it; one that cannot be made leaves nothing")
    func vsockPackets() throws {
        let files = try TemporaryFolder()
        let controller = try controller()
        func put(_ packets: String) -> HTTPResponse {
            controller.respond(
                to: request(
                    #"PUT /vsock {"guest_cid":3,"uds_path":"\#(files.path)/v","seqpacket_uds_path":"\#(packets)"}"#))
        }
        let refused = put("/no/such/p")
        #expect(refused.status == 400 && refused.body?.contains("cannot listen on /no/such/p: No such file") == true)
        #expect(access(files.path + "/v", F_OK) != 0)
        #expect(put("\(files.path)/p").status == 204)
        #expect(access(files.path + "/v", F_OK) == 0 && access(files.path + "/p", F_OK) == 0)
        #expect(
            controller.respond(to: HTTPRequest(method: "GET", path: "/vm/config")).body?
                .contains(
                    #""vsock":{"guest_cid":3,"uds_path":"\#(files.path)/v","seqpacket_uds_path":"\#(files.path)/p"}"#)
                == true)
    }
}
