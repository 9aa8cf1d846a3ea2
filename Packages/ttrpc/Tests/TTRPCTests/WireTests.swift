// SPDX-License-Identifier: Apache-2.0
import TTRPC
import TTRPCTestSupport
import Testing

@Suite struct WireTests {
    /// `State` of containerd 1.6: two seconds, and the namespace.
    static let stateRequest = hexBytes(
        """
        0a 17 'containerd.task.v2.Task' 12 05 'State' 1a 04 0a 02 't1'
        20 80 a8 d6 b9 07
        2a 25 0a 1a 'containerd-namespace-ttrpc' 12 07 'default'
        """)

    @Test("a header is ten bytes, big-endian")
    func header() throws {
        let bytes = hexBytes("00 01 02 03 | 00 00 00 05 | 01 | 02")
        let header = try bytes.withUnsafeBytes { try TTRPCFrameHeader(parsing: $0) }
        #expect(
            header == TTRPCFrameHeader(byteCount: 0x10203, streamID: 5, kind: .request, flags: .remoteOpen))
        #expect(
            TTRPCFrame(.data, streamID: 0x0102_0305, flags: [.remoteClosed, .noData]).encoded()
                == hexBytes("00 00 00 00 | 01 02 03 05 | 03 | 05"))
    }

    @Test("fewer than ten bytes are no header")
    func shortHeader() {
        #expect(throws: TTRPCFrameError.truncated(byteCount: 9, needed: 10)) {
            try [UInt8](repeating: 0, count: 9).withUnsafeBytes { try TTRPCFrameHeader(parsing: $0) }
        }
    }

    @Test("a request is read and written as containerd writes it")
    func request() throws {
        let request = try TTRPCRequest(parsing: Self.stateRequest)
        #expect(request.service == "containerd.task.v2.Task")
        #expect(request.method == "State")
        #expect(request.payload == hexBytes("0a 02 't1'"))
        #expect(request.timeoutNanoseconds == 2_000_000_000)
        #expect(request.metadata["containerd-namespace-ttrpc"] == ["default"])
        #expect(request.metadata["Containerd-Namespace-TTRPC"] == ["default"])
        #expect(request.encoded() == Self.stateRequest)
    }

    @Test("a key of the metadata may have several values")
    func metadata() throws {
        let bytes = hexBytes("2a 06 0a 01 'k' 12 01 'a'  2a 06 0a 01 'k' 12 01 'b'  2a 03 0a 01 'e'  2a 00")
        let request = try TTRPCRequest(parsing: bytes)
        #expect(request.metadata["k"] == ["a", "b"])
        #expect(request.metadata["e"] == [""])
        #expect(request.metadata[""] == [""])
        #expect(request.encoded() == bytes)
    }

    @Test("a success has no status, or one of code 0; an empty answer has no bytes at all")
    func success() throws {
        #expect(try TTRPCResponse(parsing: []) == TTRPCResponse(payload: []))
        #expect(TTRPCResponse(payload: []).encoded() == [])
        #expect(TTRPCResponse(payload: [7]).encoded() == hexBytes("12 01 07"))
        #expect(try TTRPCResponse(parsing: hexBytes("0a 00 12 01 07")) == TTRPCResponse(payload: [7]))
        #expect(try TTRPCResponse(parsing: hexBytes("0a 02 08 00 12 01 07")) == TTRPCResponse(payload: [7]))
    }

    @Test("a failure has code, message and details, which are kept as they are")
    func failure() throws {
        let bytes = hexBytes("0a 15 08 05 12 09 'not found' 1a 03 0a 01 'x' 1a 01 ff")
        let response = try TTRPCResponse(parsing: bytes)
        #expect(
            response.failure
                == TTRPCStatus(.notFound, "not found", details: [hexBytes("0a 01 'x'"), [0xff]]))
        #expect(response.encoded() == bytes)
    }

    @Test("a code that gRPC does not have is Unknown, a negative one too, and its number stays in the message")
    func unknownCode() throws {
        let high = try TTRPCResponse(parsing: hexBytes("0a 05 08 63 12 01 'x'"))
        #expect(high.failure == TTRPCStatus(.unknown, "code 99: x"))
        let negative = try TTRPCResponse(parsing: hexBytes("0a 0b 08 ff ff ff ff ff ff ff ff ff 01"))
        #expect(negative.failure == TTRPCStatus(.unknown, "code -1: "))
    }

    @Test(
        "unknown fields are skipped, of every wire type",
        arguments: [
            "38 01", "39 00 01 02 03 04 05 06 07", "3a 02 ff ff", "3d 00 01 02 03", "3b 08 01 12 01 00 13 14 3c",
            // A known field with a wire type that is not its own, and the largest field there is.
            "08 01", "f8 ff ff ff 0f 01",
        ])
    func unknownFields(bytes: String) throws {
        let request = try TTRPCRequest(parsing: hexBytes("0a 01 's'" + bytes + "12 01 'm'"))
        #expect(request == TTRPCRequest(service: "s", method: "m"))
    }

    @Test(
        "what is malformed is refused with what and where",
        arguments: [
            ("0a", TTRPCEnvelopeError.truncated(offset: 1)),
            ("0a 05 's'", .truncated(offset: 1)),
            ("0a ff ff ff ff ff ff ff ff ff 01 00", .truncated(offset: 1)),
            ("20 80", .truncated(offset: 1)),
            ("20 80 80 80 80 80 80 80 80 80 02", .malformedInteger(offset: 1)),
            ("20 ff ff ff ff ff ff ff ff ff ff 01", .malformedInteger(offset: 1)),
            ("00 00", .malformedTag(offset: 0)),
            ("0e", .malformedTag(offset: 0)),
            ("0f", .malformedTag(offset: 0)),
            ("80 80 80 80 10", .malformedTag(offset: 0)),
            ("39 00 01", .truncated(offset: 1)),
            ("3d 00", .truncated(offset: 1)),
            ("3b 08 01", .truncated(offset: 3)),
            ("3b 44", .malformedGroup(offset: 1)),
            ("3c", .malformedGroup(offset: 0)),
            ("0a 02 c3 28", .malformedString(offset: 2)),
            ("12 01 ff", .malformedString(offset: 2)),
            ("2a 03 0a 02 'k'", .truncated(offset: 3)),
            ("2a 03 0a 01 ff", .malformedString(offset: 4)),
        ])
    func malformed(bytes: String, expected: TTRPCEnvelopeError) {
        #expect(throws: expected) { try TTRPCRequest(parsing: hexBytes(bytes)) }
    }

    @Test("groups may not lie in each other without end, nor metadata and details be too many")
    func bounds() throws {
        #expect(throws: TTRPCEnvelopeError.malformedGroup(offset: 64)) {
            try TTRPCRequest(parsing: [UInt8](repeating: 0x3b, count: 1000))
        }
        let pairs = Array(repeating: hexBytes("2a 00"), count: 4096).flatMap { $0 }
        #expect(try TTRPCRequest(parsing: pairs).metadata.pairs.count == 4096)
        #expect(throws: TTRPCEnvelopeError.tooMany(offset: 8194)) { try TTRPCRequest(parsing: pairs + [0x2a, 0]) }
        let details = Array(repeating: hexBytes("0a 02 1a 00"), count: 4097).flatMap { $0 }
        #expect(throws: TTRPCEnvelopeError.self) { try TTRPCResponse(parsing: details) }
    }

    @Test("a status that comes in pieces adds up, as protobuf merges messages")
    func merged() throws {
        let response = try TTRPCResponse(parsing: hexBytes("0a 02 08 05 0a 03 12 01 'a' 0a 02 1a 00"))
        #expect(response.failure == TTRPCStatus(.notFound, "a", details: [[]]))
    }

    @Test("an OK that is thrown as a failure is Unknown for the peer")
    func okAsFailure() {
        #expect(TTRPCResponse(failure: TTRPCStatus(.ok, "x")).failure == TTRPCStatus(.unknown, "x"))
    }
}
