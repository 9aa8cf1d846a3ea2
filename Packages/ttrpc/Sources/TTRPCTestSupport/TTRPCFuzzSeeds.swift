// SPDX-License-Identifier: Apache-2.0
internal import TTRPC

/// Inputs for `fuzzTTRPCFrame`, one for each shape of what comes over a connection. `Corpus/` holds them as files.
public enum TTRPCFuzzSeeds {
    /// Name and input.
    public static let frames: [(name: String, bytes: [UInt8])] = [
        ("request-unary", [0, 0] + request([])),
        ("request-pieces", [3, 0] + request([])),
        ("request-stream", [7, 0] + request(.remoteOpen) + data([], "some") + data([.remoteClosed, .noData], "")),
        ("response-empty", [0, 0] + TTRPCFrame(.response, streamID: 1).encoded()),
        ("response-payload", [1, 0] + response(TTRPCResponse(payload: [8, 42]))),
        (
            "response-failure",
            [0, 0] + response(TTRPCResponse(failure: TTRPCStatus(.notFound, "no such", details: [[10, 1, 120]])))
        ),
        ("response-unknown-code", [0, 0] + TTRPCFrame(.response, streamID: 3, data: [10, 2, 8, 99]).encoded()),
        ("malformed-integer", [0, 0] + frame([0x20] + [UInt8](repeating: 0xff, count: 11))),
        ("malformed-string", [0, 0] + frame([10, 2, 0xc3, 0x28])),
        ("malformed-group", [0, 0] + frame([0x3b, 0x08, 0x01, 0x44])),
        ("malformed-cut", [0, 0] + frame([10, 100, 65])),
        ("unknown-fields", [5, 0] + frame([0x3b, 8, 1, 0x3c, 0x39, 0, 1, 2, 3, 4, 5, 6, 7, 0x3d, 0, 1, 2, 3])),
        ("refused-long", [0, 1] + frame([UInt8](repeating: 0, count: 65)) + request([])),
        ("refused-huge", [2, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1, 1, 0, 1, 2, 3]),
        ("truncated-header", [0, 0] + Array(request([]).prefix(7))),
        ("truncated-data", [4, 0] + Array(request([]).prefix(30))),
        ("unknown-kind", [0, 0] + TTRPCFrame(TTRPCFrameKind(rawValue: 77), streamID: 2, data: []).encoded()),
    ]

    private static func request(_ flags: TTRPCFrameFlags) -> [UInt8] {
        let request = TTRPCRequest(
            service: "containerd.task.v2.Task", method: "State", payload: [10, 2, 116, 49],
            timeoutNanoseconds: 2_000_000_000,
            metadata: TTRPCMetadata([("containerd-namespace-ttrpc", "default"), ("k", "a"), ("k", "")]))
        return TTRPCFrame(.request, streamID: 1, flags: flags, data: request.encoded()).encoded()
    }

    private static func response(_ response: TTRPCResponse) -> [UInt8] {
        TTRPCFrame(.response, streamID: 1, data: response.encoded()).encoded()
    }

    private static func data(_ flags: TTRPCFrameFlags, _ text: String) -> [UInt8] {
        TTRPCFrame(.data, streamID: 1, flags: flags, data: Array(text.utf8)).encoded()
    }

    private static func frame(_ data: [UInt8]) -> [UInt8] {
        TTRPCFrame(.request, streamID: 1, data: data).encoded()
    }
}
