// SPDX-License-Identifier: Apache-2.0
import NestModel
import NestProtocols
import SwiftProtobuf
import TTRPC
import Testing
import VMMSysUtil

@testable import NestShim

/// What containerd is answered to each call in each state of a container, over one socket that speaks both versions.
@Suite("The codes of the task API")
struct TaskCodeTests {
    /// The states that a container can be found in.
    enum State: String, CaseIterable, Sendable {
        case absent, created, running, paused, stopped
    }

    /// One row: a call, and its code in each state, in their order.
    struct Row: Sendable, CustomTestStringConvertible {
        let method: String
        let what: String
        let codes: [TTRPCCode]
        let message: @Sendable () -> any Message

        init(
            _ method: String, _ what: String = "", _ codes: TTRPCCode..., message: @escaping @Sendable () -> any Message
        ) {
            self.method = method
            self.what = what
            self.codes = codes
            self.message = message
        }

        var testDescription: String { what.isEmpty ? method : "\(method) \(what)" }
    }

    // Each cell has a container of its own, with an exec `e0` that nobody has started.
    static let rows: [Row] = [
        Row("State", "", .notFound, .ok, .ok, .ok, .ok) { with(TaskStateRequest()) { $0.id = "c1" } },
        Row("State", "of an exec", .notFound, .ok, .ok, .ok, .ok) {
            with(TaskStateRequest()) { ($0.id, $0.execID) = ("c1", "e0") }
        },
        Row("State", "of no exec", .notFound, .notFound, .notFound, .notFound, .notFound) {
            with(TaskStateRequest()) { ($0.id, $0.execID) = ("c1", "none") }
        },
        Row("Create", "again", .ok, .alreadyExists, .alreadyExists, .alreadyExists, .alreadyExists) { created("c1") },
        Row(
            "Create", "by a name with a slash", .invalidArgument, .invalidArgument, .invalidArgument, .invalidArgument,
            .invalidArgument
        ) {
            created("../c1")
        },
        Row("Start", "", .notFound, .ok, .failedPrecondition, .failedPrecondition, .failedPrecondition) {
            with(TaskStartRequest()) { $0.id = "c1" }
        },
        Row("Start", "of an exec", .notFound, .failedPrecondition, .ok, .failedPrecondition, .failedPrecondition) {
            with(TaskStartRequest()) { ($0.id, $0.execID) = ("c1", "e0") }
        },
        Row("Start", "of no exec", .notFound, .notFound, .notFound, .notFound, .notFound) {
            with(TaskStartRequest()) { ($0.id, $0.execID) = ("c1", "none") }
        },
        Row("Delete", "", .notFound, .ok, .failedPrecondition, .failedPrecondition, .ok) {
            with(TaskDeleteRequest()) { $0.id = "c1" }
        },
        Row("Delete", "of an exec", .notFound, .ok, .ok, .ok, .ok) {
            with(TaskDeleteRequest()) { ($0.id, $0.execID) = ("c1", "e0") }
        },
        Row("Delete", "of no exec", .notFound, .notFound, .notFound, .notFound, .notFound) {
            with(TaskDeleteRequest()) { ($0.id, $0.execID) = ("c1", "none") }
        },
        Row("Exec", "", .notFound, .ok, .ok, .ok, .failedPrecondition) { exec("e1") },
        Row("Exec", "by a name twice", .notFound, .alreadyExists, .alreadyExists, .alreadyExists, .failedPrecondition) {
            exec("e0")
        },
        Row(
            "Exec", "by the container's name", .notFound, .alreadyExists, .alreadyExists, .alreadyExists,
            .failedPrecondition
        ) { exec("c1") },
        Row("Exec", "by no name", .notFound, .invalidArgument, .invalidArgument, .invalidArgument, .invalidArgument) {
            exec("")
        },
        Row(
            "Exec", "of no process", .notFound, .invalidArgument, .invalidArgument, .invalidArgument,
            .failedPrecondition
        ) {
            with(exec("e1")) { $0.spec.value.replaceBytes(with: Array("[]".utf8)) }
        },
        Row("Kill", "", .notFound, .ok, .ok, .ok, .notFound) { signal(15) },
        Row("Kill", "all", .notFound, .ok, .ok, .ok, .notFound) { with(signal(9)) { $0.all = true } },
        Row("Kill", "by no signal", .notFound, .invalidArgument, .invalidArgument, .invalidArgument, .notFound) {
            signal(65)
        },
        Row(
            "Kill", "an exec that was not started", .notFound, .failedPrecondition, .failedPrecondition,
            .failedPrecondition, .failedPrecondition
        ) {
            with(signal(9)) { $0.execID = "e0" }
        },
        Row("Kill", "no exec", .notFound, .notFound, .notFound, .notFound, .notFound) {
            with(signal(9)) { $0.execID = "none" }
        },
        Row("Wait", "for an exec", .notFound, .notFound, .notFound, .notFound, .notFound) {
            with(TaskWaitRequest()) { ($0.id, $0.execID) = ("c1", "none") }
        },
        Row("ResizePty", "", .notFound, .ok, .ok, .ok, .ok) { with(TaskResizePtyRequest()) { $0.id = "c1" } },
        Row("CloseIO", "", .notFound, .ok, .ok, .ok, .ok) {
            with(TaskCloseIORequest()) { ($0.id, $0.stdin) = ("c1", true) }
        },
        Row("Pids", "", .notFound, .ok, .ok, .ok, .ok) { with(TaskPidsRequest()) { $0.id = "c1" } },
        Row("Pause", "", .notFound, .failedPrecondition, .ok, .failedPrecondition, .failedPrecondition) {
            with(TaskPauseRequest()) { $0.id = "c1" }
        },
        Row("Resume", "", .notFound, .failedPrecondition, .failedPrecondition, .ok, .failedPrecondition) {
            with(TaskResumeRequest()) { $0.id = "c1" }
        },
        Row("Checkpoint", "", .unimplemented, .unimplemented, .unimplemented, .unimplemented, .unimplemented) {
            with(TaskCheckpointTaskRequest()) { $0.id = "c1" }
        },
        Row("Update", "", .notFound, .ok, .ok, .ok, .failedPrecondition) { update(#"{"memory":{"limit":33554432}}"#) },
        Row(
            "Update", "beyond the machine", .notFound, .invalidArgument, .invalidArgument, .invalidArgument,
            .failedPrecondition
        ) {
            update(#"{"memory":{"limit":99999999999}}"#)
        },
        Row(
            "Update", "with no limits", .notFound, .invalidArgument, .invalidArgument, .invalidArgument,
            .failedPrecondition
        ) { update("7") },
        Row(
            "Update", "of what only the host has", .notFound, .invalidArgument, .invalidArgument, .invalidArgument,
            .failedPrecondition
        ) {
            update(#"{"cpu":{"cpus":"0"}}"#)
        },
        Row("Stats", "", .notFound, .ok, .ok, .ok, .failedPrecondition) { with(TaskStatsRequest()) { $0.id = "c1" } },
        Row("Connect", "", .ok, .ok, .ok, .ok, .ok) { with(TaskConnectRequest()) { $0.id = "c1" } },
        Row("Shutdown", "", .ok, .ok, .ok, .ok, .ok) { with(TaskShutdownRequest()) { $0.id = "c1" } },
        Row("Nothing", "", .unimplemented, .unimplemented, .unimplemented, .unimplemented, .unimplemented) {
            TaskStateRequest()
        },
    ]

    @Test("each call has its code in each state, in both versions", arguments: rows)
    func code(row: Row) throws {
        for service in [ServiceName.taskV2, ServiceName.taskV3] {
            for (state, code) in zip(State.allCases, row.codes) {
                let shim = try ShimUnderTest()
                let client = try shim.connect()
                try Self.bring(shim, to: state)
                var message = row.message()
                // The bundle is the shim's own folder.
                if var request = message as? TaskCreateTaskRequest {
                    request.bundle = shim.directory
                    message = request
                }
                let got = Self.code(client, service, row.method, try encode(message))
                #expect(got == code, "\(state.rawValue), \(service)")
            }
        }
        #expect(row.codes.count == State.allCases.count)
    }

    @Test("bytes that are no request are an invalid argument, to every call that reads one")
    func malformed() throws {
        let shim = try ShimUnderTest()
        let client = try shim.connect()
        // Field 1 with a length beyond the end.
        let bytes: [UInt8] = [0x0A, 0x7F, 0x63]
        for method in Set(Self.rows.map(\.method)).subtracting(["Checkpoint", "Shutdown", "Nothing"]) {
            #expect(Self.code(client, ServiceName.taskV2, method, bytes) == .invalidArgument, "\(method)")
        }
    }

    @Test("a Wait before the start, two at once and one after the end have the same answer")
    func waits() throws {
        let shim = try ShimUnderTest()
        let client = try shim.connect()
        try shim.create()
        let statuses = Monitor<[UInt32]>([])
        for _ in 0..<2 {
            _ = try Thread(name: "wait") {
                let request = with(TaskWaitRequest()) { $0.id = "c1" }
                let status = try? client.call(ServiceName.taskV2, "Wait", request, as: TaskWaitResponse.self).exitStatus
                statuses.withLock { $0.append(status ?? 999) }
            }
        }
        try shim.start()
        shim.guest.end("c1", 42)
        #expect(statuses.wait(timeout: .seconds(10)) { $0.count == 2 ? $0 : nil } == [42, 42])
        #expect(try shim.wait() == 42)
    }

    private static func bring(_ shim: ShimUnderTest, to state: State) throws {
        if state == .absent { return }
        try shim.create()
        try shim.exec("e0")
        if state == .created { return }
        try shim.start()
        if state == .paused { _ = try shim.call("Pause", with(TaskPauseRequest()) { $0.id = "c1" }) }
        guard state == .stopped else { return }
        shim.guest.end("c1", 0)
        _ = try shim.wait()
    }

    private static func code(_ client: TTRPCClient, _ service: String, _ method: String, _ bytes: [UInt8]) -> TTRPCCode
    {
        do throws(TTRPCStatus) {
            _ = try client.call(service, method, bytes, timeout: .seconds(20))
            return .ok
        } catch { return error.code }
    }

    private static func created(_ id: String) -> TaskCreateTaskRequest { with(TaskCreateTaskRequest()) { $0.id = id } }
    private static func signal(_ number: UInt32) -> TaskKillRequest {
        with(TaskKillRequest()) { ($0.id, $0.signal) = ("c1", number) }
    }
    private static func exec(_ id: String) -> TaskExecProcessRequest {
        with(TaskExecProcessRequest()) { request in
            (request.id, request.execID) = ("c1", id)
            request.spec.value.replaceBytes(with: Array(#"{"args":["true"],"cwd":"/"}"#.utf8))
        }
    }
    private static func update(_ json: String) -> TaskUpdateTaskRequest {
        with(TaskUpdateTaskRequest()) { request in
            request.id = "c1"
            request.resources.value.replaceBytes(with: Array(json.utf8))
        }
    }
}

/// A value, changed.
private func with<Value>(_ value: Value, _ change: (inout Value) -> Void) -> Value {
    var value = value
    change(&value)
    return value
}
